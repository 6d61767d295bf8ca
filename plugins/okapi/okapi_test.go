package main

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/sdk-wasm/go/adapter"
	"github.com/modgate/modgate/sdk-wasm/go/adapter/adaptertest"
)

var noon = time.UnixMilli(1_800_000_000_000)

// host begins the adapter for mod-loans 2.0.0, where 1.0.0 served.
func host(t *testing.T, config string) *adaptertest.Host {
	t.Helper()
	s := &settings{}
	return adaptertest.New(t, okapi(s), adaptertest.Options{Config: config, Now: noon, Properties: map[string]string{
		"module.name": "mod-loans", "module.version": "2.0.0", "module.served": "1.0.0", "module.endpoint": "http://10.0.0.7:9101",
		"module.egress": "http://127.0.0.1:9301", "route.name": "/loans/{id}",
	}})
}

var digits = regexp.MustCompile(`\d{6}(/[a-z]+)$`)

// header writes a header on one line, without the digits of a request's id.
func header(h http.Header) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(h)) {
		value := strings.Join(h[name], " and ")
		if name == requestIDHeader {
			value = digits.ReplaceAllString(value, "NNNNNN$1")
		}
		all = append(all, strings.TrimPrefix(name, "X-Okapi-")+"="+value)
	}
	return strings.Join(all, " ")
}

func TestRequestHasWhatOkapiWouldGiveIt(t *testing.T) {
	const common = "Match-Path-Pattern=/loans/{id} Request-Id=%sNNNNNN/loans Request-Ip=10.1.1.1 Request-Method=GET Request-Timestamp=1800000000000 Tenant=diku%s Url=http://127.0.0.1:9301"
	token := tokenOf(`{"sub":"ada","tenant":"diku"}`)
	for name, c := range map[string]struct {
		header       http.Header
		before, with string
	}{
		"as Okapi's clients send it": {http.Header{"X-Okapi-Tenant": {"diku"}}, "", ""},
		"a tenant from the token":    {http.Header{"Authorization": {"Bearer " + token}}, "", " Token=" + token},
		"the same token twice":       {http.Header{"X-Okapi-Tenant": {"diku"}, "X-Okapi-Token": {"t"}, "Authorization": {"Bearer t"}}, "", " Token=t"},
		"what is forged, and what is Okapi's": {http.Header{
			"X-Okapi-Tenant": {"diku"}, "X-Okapi-Url": {"http://evil"}, "X-Okapi-Module-Id": {"x"}, "X-Okapi-Filter": {"auth"}, "X-Okapi-Additional-Token": {"x"},
			"X-Okapi-Request-Id": {"123456/users"}, "X-Okapi-Match-Path-Pattern": {"/x"},
		}, "123456/users;", ""},
	} {
		h := host(t, `{"tenants": ["diku"]}`)
		x := &adaptertest.Exchange{Target: "/loans/1?a=b", Source: "10.1.1.1:4711", Header: c.header}
		if !h.Request(x) {
			t.Errorf("%s: answered %+v", name, x.Answer)
			continue
		}
		if got, want := header(x.Header), fmt.Sprintf(common, c.before, c.with); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
}

func tokenOf(payload string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".sig"
}

func TestUserIsWhoTheTokenSays(t *testing.T) {
	h := host(t, `{"tenants": ["diku"]}`)
	user := func(fields http.Header) string {
		t.Helper()
		fields.Set(tenantHeader, "diku")
		x := &adaptertest.Exchange{Target: "/loans/1", Header: fields}
		if !h.Request(x) {
			t.Fatalf("answered %+v", x.Answer)
		}
		return strings.Join(x.Header[userHeader], " and ")
	}
	for n := range 2 * maxClaims { // more than it keeps
		want := fmt.Sprint("user", n)
		token := tokenOf(`{"tenant":"central","user_id":"` + want + `"}`)
		for range 2 {
			if got := user(http.Header{tokenHeader: {token}}); got != want {
				t.Fatalf("got %q, want %s", got, want)
			}
		}
		if got := user(http.Header{tokenHeader: {token}, userHeader: {"ada"}}); got != "ada" {
			t.Fatalf("%q takes the place of ada, who came", got)
		}
	}
	for _, token := range []string{"", "t", "a.b.c", tokenOf(`{"user_id":1}`), tokenOf(`{"sub":"ada"}`)} {
		if got := user(http.Header{tokenHeader: {token}}); got != "" {
			t.Errorf("token %q: the user is %s", token, got)
		}
	}
}

// Who cannot send a header names the tenant in the path: those who come back
// from a single sign-on, or harvest.
func TestPathMayNameTheTenant(t *testing.T) {
	s := &settings{}
	h := adaptertest.New(t, okapi(s), adaptertest.Options{Config: `{"tenants": ["diku"]}`, Properties: map[string]string{
		"module.name": "mod-login-saml", "route.name": "/_/invoke/tenant/{tenant}/saml/*",
	}})
	for target, want := range map[string]string{
		"/_/invoke/tenant/diku/saml/callback?a=%20b": "diku /saml/callback?a=%20b /saml/* NNNNNN/saml",
		"/_/invoke/tenant/central/saml/callback":     "404 No suitable module found for path /saml/callback for tenant central",
		"/_/invoke/tenant//saml/callback":            "404 No suitable module found for path /_/invoke/tenant//saml/callback for tenant supertenant",
		"/_/invoke/tenant/diku":                      "404 No suitable module found for path /_/invoke/tenant/diku for tenant supertenant",
	} {
		x := &adaptertest.Exchange{Target: target, Header: http.Header{}}
		got := ""
		if h.Request(x) {
			got = strings.Join([]string{x.Header.Get(tenantHeader), x.Target, x.Header.Get(patternHeader), digits.ReplaceAllString(x.Header.Get(requestIDHeader), "NNNNNN$1")}, " ")
		} else {
			got = fmt.Sprint(x.Answer.Status, " ", x.Answer.Body)
		}
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", target, got, want)
		}
	}
	x := &adaptertest.Exchange{Target: "/_/invoke/tenant/diku/saml/login", Header: http.Header{"X-Okapi-Tenant": {"central"}}}
	if !h.Request(x) || x.Header.Get(tenantHeader) != "diku" {
		t.Errorf("the tenant is %s, want the path's", x.Header.Get(tenantHeader))
	}
}

func TestTenantInterfaceIsCalledWithItsTenantsToken(t *testing.T) {
	h := host(t, `{"tenants": ["diku", "central", "other"], "token": "any", "tokens": {"diku": "d", "central": "c"}}`)
	e := adaptertest.Event{Type: adapter.Resume, Attributes: map[string]string{"receiver": "l2", "subject": "l2", "outcome": "granted"}}
	var got []string
	for {
		x := h.Encode(e)
		got = append(got, x.Header.Get(tenantHeader)+"="+x.Header.Get(tokenHeader))
		x.Answer = said(200, "")
		end := h.Reply(x)
		if end.Verdict != adapter.InProgress {
			break
		}
		e = adaptertest.Event{Type: adapter.Poll, Attributes: end.Memory}
	}
	if want := []string{"diku=d", "central=c", "other=any"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestModulesFindTheGatewayWhereItIsSaid(t *testing.T) {
	for url, want := range map[string]string{"http://modgate:{port}": "http://modgate:9301", "http://modgate:80": "http://modgate:80"} {
		h := host(t, `{"tenants": ["diku"], "url": "`+url+`"}`)
		x := &adaptertest.Exchange{Header: http.Header{"X-Okapi-Tenant": {"diku"}}}
		if h.Request(x); x.Header.Get(urlHeader) != want {
			t.Errorf("%s: %s, want %s", url, x.Header.Get(urlHeader), want)
		}
	}
}

// updated goes through an update, with these answers, one for each call, and
// returns the calls, and how it ended.
func updated(t *testing.T, config string, answers ...*adaptertest.Answer) (calls []string, end adaptertest.Reply) {
	t.Helper()
	h := host(t, config)
	e := adaptertest.Event{Type: adapter.Resume, Attributes: map[string]string{"receiver": "l2", "subject": "l2", "outcome": "granted"}}
	for _, a := range answers {
		x := h.Encode(e)
		if x == nil {
			t.Fatalf("nothing is sent after %q", calls)
		}
		calls = append(calls, strings.TrimSpace(x.Header.Get(tenantHeader)+" "+x.Method+" "+x.Target+" "+x.Body))
		x.Answer = a
		end = h.Reply(x)
		if a != nil {
			calls[len(calls)-1] += fmt.Sprintf(" -> %v", end.After)
		}
		if end.Verdict == adapter.InProgress {
			e = adaptertest.Event{Type: adapter.Poll, Attributes: end.Memory}
		}
	}
	return calls, end
}

func said(status int, body string) *adaptertest.Answer {
	return &adaptertest.Answer{Status: status, Body: body, Header: http.Header{}}
}

func TestUpdateGoesThroughTheTenants(t *testing.T) {
	const body = `{"module_to":"mod-loans-2.0.0","module_from":"mod-loans-1.0.0","purge":false}`
	calls, end := updated(t, `{"tenants": ["diku", "central"]}`,
		nil, said(503, "not yet"), said(201, `{"id":"a/b"}`), nil, said(200, `{"id":"a/b","complete":false}`), said(404, ""),
		said(204, ""), said(201, `{"id":"2","complete":false}`), said(200, `{"complete":true}`), said(500, ""))
	want := []string{
		"diku POST /_/tenant " + body, // nobody answered
		"diku POST /_/tenant " + body + " -> 3s",
		"diku POST /_/tenant " + body + " -> 300ms",
		"diku GET /_/tenant/a%2Fb?wait=10000",
		"diku GET /_/tenant/a%2Fb?wait=10000 -> 300ms",
		"diku GET /_/tenant/a%2Fb?wait=10000 -> 3s", // another process
		"diku POST /_/tenant " + body + " -> 50ms",
		"central POST /_/tenant " + body + " -> 300ms",
		"central GET /_/tenant/2?wait=10000 -> 50ms",
		"central DELETE /_/tenant/2 -> 0s",
	}
	if !slices.Equal(calls, want) || end.Verdict != adapter.Acknowledged {
		t.Errorf("got  %q, %v\nwant %q, acknowledged", calls, end.Verdict, want)
	}
}

func TestUpdateThatFailsSaysWhy(t *testing.T) {
	for want, answers := range map[string][]*adaptertest.Answer{
		"tenant diku: POST /_/tenant is answered 400: no such tenant":     {said(400, "no such tenant")},
		"tenant diku: no room; at 7 of 9":                                 {said(201, `{"id":"1"}`), said(200, `{"complete":true,"error":"no room","messages":["at 7 of 9"]}`)},
		"tenant diku: POST /_/tenant is answered 503, 21 times in a row":  slices.Repeat([]*adaptertest.Answer{said(503, "")}, 21),
		"tenant diku: GET /_/tenant/1 is answered 500, 21 times in a row": append([]*adaptertest.Answer{said(201, `{"id":"1"}`)}, slices.Repeat([]*adaptertest.Answer{said(500, "")}, 21)...),
	} {
		if _, end := updated(t, `{"tenants": ["diku"]}`, answers...); end.Verdict != adapter.GiveUp || end.Reason != want {
			t.Errorf("got %v %q, want give up: %s", end.Verdict, end.Reason, want)
		}
	}
}
