package driver

import (
	"context"
	"net"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestCommandLinesAreSplitAndFilled(t *testing.T) {
	c, err := ParseCommand(`./core serve '{config}' --at "{data} {control}" "" {dir}`)
	if err != nil {
		t.Fatal(err)
	}
	got := c.fill("c.hcl", "d", "1:2", "3:4")
	want := []string{"./core", "serve", "c.hcl", "--at", "1:2 3:4", "", "d"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, line := range []string{"", "  ", "core 'open"} {
		if c, err := ParseCommand(line); err == nil {
			t.Errorf("%q was read as %q", line, c)
		}
	}
}

// Two runs at once, in one process or two, never have one address.
func TestPortsAreTakenOnce(t *testing.T) {
	var runs [2]Ports
	seen := map[string]bool{}
	for n := range 2 * 3 * blockSize {
		a, err := runs[n%2].Take()
		if err != nil || seen[a] {
			t.Fatalf("%s: %v", a, err)
		}
		seen[a] = true
	}
}

// An address at which somebody listens, of whom nobody knows, is passed over.
func TestPortsInUseAreNotTaken(t *testing.T) {
	var p Ports
	a, err := p.Take()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(a)
	after, _ := strconv.Atoi(port)
	l, err := net.Listen("tcp", loopback(after+1))
	if err != nil {
		t.Skip(err) // it is somebody else's
	}
	defer l.Close()
	if a, err = p.Take(); err != nil || a != loopback(after+2) {
		t.Errorf("took %s (%v) beside %s", a, err, l.Addr())
	}
}

// A long run comes back to what it had, and goes on.
func TestPortsComeRound(t *testing.T) {
	var p Ports
	t.Cleanup(func() { // others want ports, too
		for _, b := range p.blocks {
			b.held.Close()
		}
	})
	first, err := p.next()
	if err != nil {
		t.Fatal(err)
	}
	times := 1
	for n, err := p.next(); n != first; n, err = p.next() {
		if times++; err != nil || times > mostBlocks*blockSize {
			t.Fatalf("after %d ports: %v", times, err)
		}
	}
	if len(p.blocks)*blockSize != times {
		t.Errorf("back after %d ports of %d blocks", times, len(p.blocks))
	}
}

func TestConfigurationIsThatOfTheCase(t *testing.T) {
	c, err := New(Options{Ports: &Ports{}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() // a folder of the test's
	s := Setting{Gateway: "limits {\n}\n", Blocks: "module \"x\" {}\n", Policies: map[string]string{"x.rego": "package x\n"}}
	if err := c.Configure(s); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(c.config())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{c.Data, c.Control, JoinSecret, `settle = "0s"`, "limits {\n}", `module "x" {}`, "policies = "} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	s.Gateway = "settle = \"1s\"\ncontrol {\n  listen = \"0.0.0.0:1\"\n}\n"
	if err := c.Configure(s); err != nil {
		t.Fatal(err)
	}
	if text, _ = os.ReadFile(c.config()); strings.Contains(string(text), `"0s"`) || strings.Contains(string(text), c.Control) {
		t.Errorf("what the case says is said twice:\n%s", text)
	}
}

// core is a core of this shell script, which is never ready.
func core(t *testing.T, text string) *Core {
	t.Helper()
	c, err := New(Options{Command: Command{"sh", "-c", text}, Ready: 300 * time.Millisecond, Ports: &Ports{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestCoreThatIsNeverReadyIsTold(t *testing.T) {
	err := core(t, "echo I sleep; exec sleep 60").Start(context.Background())
	if err == nil || !strings.Contains(err.Error(), "not ready after") || !strings.Contains(err.Error(), "I sleep") {
		t.Error(err)
	}
	err = core(t, "echo no; exit 3").Start(context.Background())
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no") {
		t.Error(err)
	}
}

func TestCoreThatRefusesEndsByItself(t *testing.T) {
	if printed, err := core(t, "echo line 7 is wrong; exit 1").Refuses(context.Background()); err != nil || printed != "line 7 is wrong\n" {
		t.Errorf("%q %v", printed, err)
	}
	if _, err := core(t, "exit 0").Refuses(context.Background()); err == nil {
		t.Error("an end with code 0 counts as a refusal")
	}
	if _, err := core(t, "exec sleep 60").Refuses(context.Background()); err == nil {
		t.Error("a core that runs counts as a refusal")
	}
}

func TestStopWantsCode0InTime(t *testing.T) {
	for text, want := range map[string]string{
		"trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done": "",
		"trap 'exit 4' TERM; echo up; while :; do sleep 0.01; done": "exit status 4",
		"trap '' TERM; echo up; while :; do sleep 0.01; done":       "still there",
	} {
		c := core(t, text)
		if err := c.launch(); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(10 * time.Second); !strings.Contains(c.Log(), "up") && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		err := c.Stop(2 * time.Second)
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
