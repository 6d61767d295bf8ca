package foliotest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// ask asks Okapi for a path, with Okapi's headers of the request that it is for
// passed on, as every module of FOLIO does. Like them it goes on when its own
// caller is gone.
func (m *Module) ask(of http.Header, path string) (string, error) {
	req, err := http.NewRequest(http.MethodGet, of.Get(URLHeader)+path, http.NoBody)
	if err != nil {
		return "", err
	}
	for name, values := range of {
		if strings.HasPrefix(name, "X-Okapi-") && name != http.CanonicalHeaderKey(URLHeader) {
			req.Header[name] = values
		}
	}
	client := m.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %d %s", path, resp.StatusCode, body)
	}
	return string(body), err
}
