package proxy

import (
	"strconv"
	"strings"
	"testing"
)

// chained returns the run that the gateway writes for hops, one after another.
func chained(r *run, hops ...string) string {
	value := ""
	for i, h := range hops {
		r.forget()
		if i > 0 {
			r.read([]byte(value), hops[i-1])
		}
		value = string(r.appended(nil, "", h))
	}
	return value
}

func TestRunIsHonouredOnlyWithTheTokenOfItsLastHop(t *testing.T) {
	r := newRun([]byte("key"))
	value := chained(&r, "a@1.0.0/a1", "b@2.0.0/b1")
	for caller, want := range map[string]bool{
		"b@2.0.0/b1": true, "a@1.0.0/a1": false, "b@2.0.0/b2": false, "1": false, "": false,
	} {
		if r.read([]byte(value), caller); r.verified() != want {
			t.Errorf("verified with the token of %q = %v, want %v", caller, !want, want)
		}
	}
}

func TestForgedRunCountsAsAbsent(t *testing.T) {
	theirs := newRun([]byte("another key"))
	r := newRun([]byte("key"))
	forged := chained(&theirs, "a@1.0.0/a1")
	r.read([]byte(forged), "a@1.0.0/a1")
	if r.verified() || r.find("a", func(_, _ []byte) bool { return true }) {
		t.Error("a run of another key was taken")
	}
	// What the gateway appends to a forged beginning does not heal it.
	r.read([]byte(forged), "a@1.0.0/a1")
	longer := r.appended(nil, "", "b@1.0.0/b1")
	r.read(longer, "b@1.0.0/b1")
	if r.verified() {
		t.Error("a forged beginning verifies after a hop was appended")
	}
}

func TestMalformedRunCountsAsAbsent(t *testing.T) {
	r := newRun([]byte("key"))
	good := chained(&r, "a@1.0.0/a1")
	for _, value := range []string{
		"", "v1", "v1.", "v1..", "v2" + good[2:], good[:len(good)-1], good + "A", strings.Replace(good, ".", "", 2), "v1.!!.!!",
	} {
		r.read([]byte(value), "a@1.0.0/a1")
		if r.verified() {
			t.Errorf("%q verifies", value)
		}
	}
}

func TestRunHasSixteenHopsAtMost(t *testing.T) {
	r := newRun([]byte("key"))
	hops := make([]string, maxHops)
	for i := range hops {
		hops[i] = "m@1.0.0/i" + string(rune('a'+i))
	}
	r.read([]byte(chained(&r, hops...)), hops[maxHops-1])
	if !r.verified() || !r.full() {
		t.Error("a run of 16 hops must verify and be full")
	}
	r.read([]byte(chained(&r, append(hops, "m@1.0.0/iz")...)), "m@1.0.0/iz")
	if r.verified() {
		t.Error("a run of 17 hops verifies")
	}
}

func TestRunFindsTheLastHopFirst(t *testing.T) {
	r := newRun([]byte("key"))
	r.read([]byte(chained(&r, "a@1.0.0/a1", "b@1.0.0/b1", "a@2.0.0/a2", "c@1.0.0/c1")), "c@1.0.0/c1")
	var got []string
	found := r.find("a", func(version, instance []byte) bool {
		got = append(got, string(version)+"/"+string(instance))
		return false
	})
	if want := "2.0.0/a2 1.0.0/a1"; strings.Join(got, " ") != want || found {
		t.Errorf("hops of a = %q, found %v; want %q, none accepted", got, found, want)
	}
}

func FuzzRun(f *testing.F) {
	r := newRun([]byte("key"))
	f.Add(chained(&r, "a@1.0.0/a1", "b@1.0.0/b1"), "b@1.0.0/b1")
	f.Add("v1.YQ.AAAAAAAAAAAAAAAAAAAAAA", "a")
	genuine := map[string]bool{chained(&r, "a@1.0.0/a1", "b@1.0.0/b1"): true, chained(&r, "a@1.0.0/a1"): true}
	f.Fuzz(func(t *testing.T, value, caller string) {
		r := newRun([]byte("key"))
		r.read([]byte(value), caller)
		if r.verified() && !genuine[value] {
			t.Errorf("%q verifies", value)
		}
		r.appended(nil, "", "c@1.0.0/c1")
	})
}

func BenchmarkRunAppend(b *testing.B) {
	r := newRun([]byte("key"))
	value := []byte(chained(&r, "members@1.4.0/members-1"))
	buf := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		r.read(value, "members@1.4.0/members-1")
		buf = r.appended(buf[:0], "", "inventory@2.1.0/inventory-1")
	}
}

func BenchmarkRunFirstHop(b *testing.B) {
	r := newRun([]byte("key"))
	buf := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		buf = r.appended(buf[:0], "", "inventory@2.1.0/inventory-1")
	}
}

// What a module does of its own accord begins with its own hop: whoever is
// called knows that it is the module's (U11, U3).
func TestRunBeginsWithTheCaller(t *testing.T) {
	r := newRun([]byte("key"))
	value := r.appended(nil, "a@1.0.0/a1", "b@1.0.0/b1")
	r.read(value, "b@1.0.0/b1")
	if !r.verified() || !r.find("a", func(version, instance []byte) bool { return string(version) == "1.0.0" && string(instance) == "a1" }) {
		t.Errorf("%s does not lead back to a", value)
	}
	longer := r.appended(nil, "b@1.0.0/b1", "c@1.0.0/c1")
	r.read(longer, "c@1.0.0/c1")
	if !r.verified() || r.count != 3 {
		t.Errorf("%d hops, want a, b and c", r.count)
	}
}

// What is remembered of runs is what they would become anew, whoever brings
// them and in whatever order.
func TestChainsRememberWhatRunsBecome(t *testing.T) {
	r, fresh := newRun([]byte("key")), newRun([]byte("key"))
	theirs := newRun([]byte("another key"))
	values := []string{"", "v1.", "nonsense", chained(&theirs, "a@1.0.0/a1"), chained(&r, "b@1.0.0/b1")}
	for i := range 200 { // more than there are slots
		values = append(values, chained(&r, "a@1.0.0/a"+strconv.Itoa(i), "b@1.0.0/b1"))
	}
	c := newChains()
	for range 3 {
		for _, value := range values {
			for _, caller := range []string{"", "b@1.0.0/b1", "a@1.0.0/a1"} {
				r.read([]byte(value), caller)
				fresh.read([]byte(value), caller)
				got, want := c.appended([]byte("x"), &r, caller, "c@1.0.0/c1"), fresh.appended([]byte("x"), caller, "c@1.0.0/c1")
				if string(got) != string(want) {
					t.Fatalf("%q of %q becomes %s, want %s", value, caller, got, want)
				}
			}
		}
	}
}

// The shortest run that is full is not taken for one that cannot be.
func TestShortestFullRunIsFull(t *testing.T) {
	r := newRun([]byte("key"))
	hops := strings.Split(strings.Repeat("m@1/i ", maxHops), " ")[:maxHops]
	value := chained(&r, hops...)
	if r.read([]byte(value), "m@1/i"); !r.full() || len(value) < shortestFull {
		t.Errorf("%s, %d octets, is not full", value, len(value))
	}
}

func newRun(key []byte) run { return run{signers: newSigners(key)} }
