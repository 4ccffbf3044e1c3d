summary pip and its relatives: setup.py runs at installation; it sees the tree, the cache and the index
program pip pip3 pip[0-9]* pipx poetry pipenv hatch pdm virtualenv tox nox twine
include packages
allow net=pypi.org:443
allow net=files.pythonhosted.org:443
allow write=+${CACHE}/pip
allow write=+${DATA}/virtualenv
# Everything put there runs outside of the wall the next time.
ask write=?~/.local/lib
ask write=?~/.local/bin
allow write=?${DATA}/pipx
allow write=?${CACHE}/pypoetry
allow read=?${CONFIG}/pypoetry
allow read=?${CONFIG}/pip
allow read=?~/.pip
allow env=VIRTUAL_ENV
allow env=PIP_INDEX_URL
allow env=PYTHONPATH
