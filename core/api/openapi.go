package api

import (
	_ "embed"
	"net/http"
)

// openAPIDocument describes every call: OpenAPI 3.1.
//
//go:embed openapi.json
var openAPIDocument []byte

// openAPI answers GET /v1/openapi.json.
func openAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Write(openAPIDocument) //nolint:errcheck // the client is gone; nobody is left to tell
}
