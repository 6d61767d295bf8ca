module github.com/modgate/modgate/.ci/tck

go 1.26

require github.com/http-wasm/http-wasm-host-go v0.7.0
