"""`alife browse`: a page to look at runs, served by this machine for itself.

```
serve.py        the process            safety.py       who may ask, what a page may load
app.py          addresses -> answers   bundle.py       arrays in an answer
gallery.py      one run, as it is seen projection.py   places on the map
runs.py         all runs of a page     finder.py       the find bar
neighbourhood.py  a map by neighbours
live.py         a world that lives     theatre.py      those that are watched now
sharing.py      files to take away     notebook.py     the page in a cell of a notebook
page/           the page: plain ES modules, no build step
```
"""

from .app import create_app
from .serve import Server, serve

__all__ = ["Server", "create_app", "serve"]
