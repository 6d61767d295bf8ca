package moduletest

import (
	"fmt"
	"net/url"
	"regexp"
	"time"
)

// promises are what a module must do, in the order of a life: two processes
// of one instance, the second of which is fenced.
var promises = []promise{
	{"3.3-registration", "registers with the join secret, and says who it is, where, and what it serves", registers},
	{"U2", "asks again under the same seq while its UPDATE waits, and does not RESUME before the grant", waitsForTheGrant},
	{"V2", "announces RESUME when it can serve", resumes},
	{"3.4-sse", "listens to notices", listens},
	{"3.3-lease", "renews at a third of its lease", renews},
	{"A2", "answers what the gateway sends it", answers},
	{"U11", "sends its token and the run of the request that it serves with what it asks others", passesRunOn},
	{"A3", "answers its callers though others are DELAY, without an error of its own", understands(false)},
	{"A4", "answers its callers though others are MISSING, without an error of its own", understands(true)},
	{"N1", "lives on when it is told DELAY, MISSING and RESUME about what it requires", hears},
	{"G1", "lives through a restart of the gateway, and renews and listens afterwards", outlives},
	{"L6", "announces RESUME again when the gateway had lost it", comesBack},
	{"L1", "announces DISCONNECT on SIGTERM, serves until that is answered, then exits with 0", leaves},
	{"3.3-instance-id", "comes back under the same instance id", keepsItsID},
	{"U7", "raises seq with every announcement, over restarts too", raisesSeq},
	{"U8", "stops and exits with 0 when it is fenced: told MISSING, and 409 at its renewal", stops},
	{"3.3-errors", "sends nothing that a gateway must refuse", sendsNothingWrong},
}

var semantic = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

func registers(t *trial) error {
	t.mu.Lock()
	t.holdUpdate = true
	t.mu.Unlock()
	if err := t.until("registered", func() bool { return len(t.registrations) > 0 }); err != nil {
		return err
	}
	t.mu.Lock()
	r := t.registrations[0]
	t.mu.Unlock()
	u, err := url.Parse(r.Upstream)
	switch {
	case r.Module == "":
		return fmt.Errorf("its registration names no module")
	case !semantic.MatchString(r.Version):
		return fmt.Errorf("its version %q is not semantic", r.Version)
	case r.Instance == "made-by-the-gateway":
		return fmt.Errorf("it chooses no instance id: a grant could not be inherited (U10)")
	case err != nil || u.Host == "" || (u.Path != "" && u.Path != "/"):
		return fmt.Errorf("its upstream %q is not the origin of a server", r.Upstream)
	case len(r.Routes) == 0:
		return fmt.Errorf("it serves no route")
	}
	return nil
}

// said returns the announcements of one type.
func (g *gateway) said(verb string) (out []announcement) {
	for _, a := range g.announcements {
		if verb == "" || a.Type == verb {
			out = append(out, a)
		}
	}
	return out
}

func waitsForTheGrant(t *trial) error {
	if err := t.until("announced UPDATE or RESUME", func() bool { return len(t.announcements) > 0 }); err != nil {
		return err
	}
	defer func() {
		t.mu.Lock()
		t.holdUpdate = false
		t.mu.Unlock()
	}()
	t.mu.Lock()
	first := t.announcements[0]
	t.mu.Unlock()
	if first.Type != "update" {
		return fmt.Errorf("%w: it begins with %s, it needs no UPDATE", errSkip, first.Type)
	}
	if err := t.until("asked again", func() bool { return len(t.announcements) > 1 }); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.announcements {
		if a.Type == "resume" {
			return fmt.Errorf("it announced RESUME while its UPDATE waited")
		}
		if a.Type == "update" && a.Seq != first.Seq {
			return fmt.Errorf("it asked again under seq %d, and before under %d", a.Seq, first.Seq)
		}
	}
	return nil
}

func resumes(t *trial) error {
	return t.until("announced RESUME", func() bool { return len(t.said("resume")) > 0 })
}

func listens(t *trial) error {
	return t.until("opened a stream of notices", func() bool { return t.streams > 0 })
}

func renews(t *trial) error {
	t.mu.Lock()
	before := len(t.renewals)
	t.mu.Unlock()
	if err := t.until("renewed", func() bool { return len(t.renewals) >= before+3 }); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := before + 1; i < len(t.renewals); i++ {
		if gap := t.renewals[i].Sub(t.renewals[i-1]); gap > lease*2/3 || gap < lease/10 {
			return fmt.Errorf("it renewed after %v; a third of the lease is %v", gap.Round(time.Millisecond), lease/3)
		}
	}
	return nil
}

func answers(t *trial) error {
	if t.Path == "" {
		return fmt.Errorf("%w: no path was named (-request)", errSkip)
	}
	t.mu.Lock()
	t.reply = 404
	t.mu.Unlock()
	// Whatever it says: what it needs of others is not there.
	_, err := t.ask("v1.cnVu.bWFj")
	return err
}

func passesRunOn(t *trial) error {
	if t.Path == "" {
		return fmt.Errorf("%w: no path was named (-request)", errSkip)
	}
	const run = "v1.dGhlIHJ1bg.dGhlIG1hYw"
	t.mu.Lock()
	t.calls = nil
	t.mu.Unlock()
	if _, err := t.ask(run); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	ran := 0
	for _, c := range t.calls {
		if got := c.header.Get("Modgate-Token"); got != token {
			return fmt.Errorf("it calls %s without its token", c.path)
		}
		if c.header.Get("Modgate-Run") == run {
			ran++
		}
	}
	switch {
	case len(t.calls) == 0:
		return fmt.Errorf("%w: %s %s makes it call nobody", errSkip, t.Method, t.Path)
	case ran == 0:
		return fmt.Errorf("it calls %s without Modgate-Run", t.calls[0].path)
	}
	return nil
}

// understands asks while what the module calls is DELAY, or MISSING.
func understands(missing bool) func(*trial) error {
	return func(t *trial) error {
		if t.Path == "" {
			return fmt.Errorf("%w: no path was named (-request)", errSkip)
		}
		t.mu.Lock()
		t.reply, t.missing, t.calls = 0, missing, nil
		t.mu.Unlock()
		resp, err := t.ask("v1.cnVu.bWFj")
		if err != nil {
			return fmt.Errorf("its caller gets no answer: %w", err)
		}
		if s := resp.StatusCode; s == 500 || s == 502 || s == 504 {
			return fmt.Errorf("its caller is answered %d, as if something were broken", s)
		}
		return t.alive()
	}
}
