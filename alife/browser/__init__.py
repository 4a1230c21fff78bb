"""`alife browse`: a page to look at runs, served by this machine for itself.

```
serve.py        the process            hosting.py      any page of ours as one
app.py          addresses -> answers   answers.py      what all pages answer with
safety.py       who may ask, what a page may load
bundle.py       arrays in an answer
gallery.py      one run, as it is seen projection.py   places on the map
runs.py         all runs of a page     finder.py       the find bar
neighbourhood.py  a map by neighbours
live.py         a world that lives     theatre.py      those that are watched now
sharing.py      files to take away     notebook.py     the page in a cell of a notebook
page/           the page: plain ES modules, no build step
```
"""

from .answers import HANDLERS, Refusal, pages, read_wish
from .app import create_app
from .hosting import Host
from .safety import Guard
from .serve import Server, serve

__all__ = ["HANDLERS", "Guard", "Host", "Refusal", "Server", "create_app", "pages", "read_wish", "serve"]
