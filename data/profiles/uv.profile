summary uv: environments in the tree, its cache, the index and the interpreters that it fetches
program uv uvx rye
include packages
allow net=pypi.org:443
allow net=files.pythonhosted.org:443
allow write=+${CACHE}/uv
allow write=+${DATA}/uv
allow exec=?${DATA}/uv
allow read=?${CONFIG}/uv
allow env=VIRTUAL_ENV
allow env=UV_INDEX_URL
