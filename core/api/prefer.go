package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxWait bounds how long a call is held.
const maxWait = 5 * time.Minute

// preferWait returns for how long the request prefers to wait (RFC 7240,
// section 4.3), and whether it says so. What is not a number of seconds is
// ignored, as section 2 wants it.
func preferWait(r *http.Request) (wait time.Duration, said bool) {
	for _, line := range r.Header.Values("Prefer") {
		for preference := range strings.SplitSeq(line, ",") {
			preference, _, _ = strings.Cut(preference, ";") // without parameters
			name, value, _ := strings.Cut(preference, "=")
			if said || !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue // the first one counts
			}
			if n, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31); err == nil {
				wait, said = min(time.Duration(n)*time.Second, maxWait), true
			}
		}
	}
	return wait, said
}

// applied says which wait was applied (RFC 7240, section 3).
func applied(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
}
