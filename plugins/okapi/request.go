package main

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/modgate/modgate/sdk-wasm/go/adapter"
)

// never are headers that only Okapi and its auth filter tell each other, in
// small letters: no module gets them.
var never = []string{
	"authorization", "x-okapi-additional-token", "x-okapi-auth-result", "x-okapi-extra-permissions", "x-okapi-filter",
	"x-okapi-handler-result", "x-okapi-module-id", "x-okapi-module-permissions", "x-okapi-module-tokens",
	"x-okapi-permissions-desired", "x-okapi-permissions-required", "x-okapi-url-to",
}

// request gives a request the headers that Okapi would give it.
func (s *settings) request(r *adapter.Request) {
	var tenant, token, before string
	var user bool
	var refused error
	for name := range r.Header.Names() {
		switch name {
		case "x-okapi-tenant":
			tenant = r.Header.Get(name)
		case "x-okapi-request-id":
			before = r.Header.Get(name)
		case "x-okapi-user-id":
			user = true
		case "x-okapi-token", "authorization", "cookie":
			if err := oneToken(&token, bearer(name, r.Header.Get(name))); err != nil {
				refused = err
			}
		}
		if _, is := slices.BinarySearch(never, name); is {
			r.Header.Remove(name)
		}
	}
	pattern := property(r.Gateway, "route.name")
	if invoked, path, ok := invocation(r.Path()); ok {
		tenant = invoked
		_, pattern, _ = invocation(pattern)
		r.SetPath(path)
	}
	says, err := s.claims(token)
	if tenant == "" && refused == nil {
		tenant, refused = cmp.Or(says.Tenant, supertenant), err
	}
	switch {
	case refused != nil:
		refuse(r, 400, refused.Error())
		return
	case s.OtherTenants == "refuse" && !slices.Contains(s.Tenants, tenant):
		refuse(r, 404, fmt.Sprintf("No suitable module found for path %s for tenant %s", r.Path(), tenant))
		return
	}
	path := r.Path()
	r.Header.Set(tenantHeader, tenant)
	if token != "" {
		r.Header.Set(tokenHeader, token)
	}
	r.Header.Set(requestIDHeader, requestID(before, path))
	r.Header.Set(methodHeader, r.Method())
	setOrRemove(&r.Header, patternHeader, pattern)
	if !user && says.User != "" {
		r.Header.Set(userHeader, says.User)
	}
	from, _ := netip.ParseAddrPort(r.Source())
	if from.IsValid() {
		r.Header.Set(addressHeader, from.Addr().String())
	}
	s.common(r)
}

// common sets what requests and calls of the tenant interface have alike.
func (s *settings) common(r *adapter.Request) {
	setOrRemove(&r.Header, urlHeader, s.okapiURL(property(r.Gateway, "module.egress")))
	r.Header.Set(timeHeader, strconv.FormatInt(r.Now().UnixMilli(), 10))
}

func property(g adapter.Gateway, name string) string {
	text, _ := g.Property(name)
	return text
}

// setOrRemove sets a header; without a value nobody else's stays.
func setOrRemove(f *adapter.Fields, name, value string) {
	if value == "" {
		f.Remove(name)
		return
	}
	f.Set(name, value)
}

// refuse answers as Okapi does, in plain text.
func refuse(r *adapter.Request, status int, text string) {
	a := r.Answer(status)
	a.Header.Set("Content-Type", "text/plain")
	a.Body.SetString(text)
}

// bearer returns the token that a header holds, "" if none.
func bearer(name, value string) string {
	switch name {
	case "authorization":
		scheme, token, ok := strings.Cut(value, " ")
		if !ok || !strings.EqualFold(scheme, "bearer") {
			return ""
		}
		return strings.TrimSpace(token)
	case "cookie":
		for part := range strings.SplitSeq(value, ";") {
			if token, ok := strings.CutPrefix(strings.TrimSpace(part), "folioAccessToken="); ok {
				return strings.Trim(token, `"`)
			}
		}
		return ""
	default:
		return value
	}
}

// oneToken takes a token, which must be the one that was there before, if any.
func oneToken(token *string, another string) error {
	if another == "" {
		return nil
	}
	if *token != "" && *token != another {
		return fmt.Errorf("Different tokens in X-Okapi-Token, Authorization and cookie. Use only one of them") //nolint:staticcheck // it is an answer
	}
	*token = another
	return nil
}

// invocation takes a path apart that names the tenant, as those do who cannot
// send a header: /_/invoke/tenant/diku/saml/callback.
func invocation(path string) (tenant, rest string, ok bool) {
	after, ok := strings.CutPrefix(path, "/_/invoke/tenant/")
	slash := strings.IndexByte(after, '/')
	if !ok || slash <= 0 {
		return "", path, false
	}
	return after[:slash], after[slash:], true
}

// claims are what a token says of itself; nothing of it is verified.
type claims struct {
	Tenant string `json:"tenant"`
	User   string `json:"user_id"`
}

// maxClaims bounds of how many tokens is known what they say.
const maxClaims = 256

// claims returns what a token says, nothing if there is none.
func (s *settings) claims(token string) (claims, error) {
	if token == "" {
		return claims{}, nil
	}
	if known, ok := s.said[token]; ok {
		return known, nil
	}
	c, err := claimsOf(token)
	if err != nil {
		return c, err
	}
	if len(s.said) >= maxClaims {
		clear(s.said)
	}
	s.said[strings.Clone(token)] = c
	return c, nil
}

func claimsOf(token string) (c claims, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, fmt.Errorf("Invalid token: want 3 parts, not %d", len(parts)) //nolint:staticcheck // it is an answer
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return claims{}, fmt.Errorf("Invalid token: its payload is none") //nolint:staticcheck // it is an answer
	}
	return c, nil
}
