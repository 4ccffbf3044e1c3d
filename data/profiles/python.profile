summary Python: the script and the tree around it; the network is asked for
program python python2 python3 python3.[0-9]* python2.[0-9]* pypy pypy3 ipython ipython3 bpython
include runtime
allow read=?~/.local/lib
allow read=?${CONFIG}/python
allow write=?~/.ipython
allow env=PYTHONPATH
allow env=PYTHONDONTWRITEBYTECODE
allow env=PYTHONUNBUFFERED
allow env=VIRTUAL_ENV
