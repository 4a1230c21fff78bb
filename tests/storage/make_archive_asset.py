"""Makes the archive of today's format that the tests keep for ever: two tiny runs of everything, in one zip file.

    python tests/storage/make_archive_asset.py [FILE]

To be run once, when a format is final: from then on it has to open, whatever becomes of the code.
"""
