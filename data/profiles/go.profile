summary Go: the tree, the module cache and the proxy of modules
program go gofmt gopls
include packages
allow net=proxy.golang.org:443
allow net=sum.golang.org:443
allow net=go.dev:443
allow write=+~/go/pkg
# What lies there is run outside of the wall the next time.
ask write=?~/go/bin
allow exec=?~/go/bin
allow write=+${CACHE}/go-build
allow exec=?${CACHE}/go-build
allow read=?${CONFIG}/go
allow env=GOPATH
allow env=GOPROXY
allow env=GOFLAGS
allow env=CGO_ENABLED
