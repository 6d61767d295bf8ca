package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
	"github.com/modgate/modgate/core/store"
)

// What comes of many registrations at once, with their RESUME or without, is
// what comes of them one after the other, whatever was there before: routes that
// collide, modules that replace others, some that are missing.
func TestTogetherIsAsOneAfterTheOther(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			one, all := newPlatform(t), newPlatform(t)
			defer one.close()
			defer all.close()
			live(rand.New(rand.NewPCG(seed, 1)), one, all)
			crowd := joinings(rand.New(rand.NewPCG(seed, 2)))

			answers := all.RegisterAll(crowd)
			var order []Joining // as they came in: who was left out came last
			for i, r := range answers {
				if r != nil {
					order = append(order, crowd[i])
				}
			}
			for i, r := range answers {
				if r == nil {
					order = append(order, crowd[i])
					alone(all, crowd[i])
				}
			}
			for _, j := range order {
				alone(one, j)
			}
			synctest.Wait()
			want, got := picture(one), picture(all)
			for _, what := range slices.Sorted(maps.Keys(want)) {
				if got[what] != want[what] {
					t.Errorf("seed %d: %s\n  together:  %s\n  one by one: %s", seed, what, got[what], want[what])
				}
			}
		})
	}
}

// live is what happened before, to some modules several things.
func live(r *rand.Rand, platforms ...*platform) {
	for range r.IntN(8) {
		j := joinings(r)[0]
		leaves := r.IntN(4) == 0
		for _, p := range platforms {
			alone(p, j)
			if who := p.process(j.Instance); who != nil && leaves {
				p.Announce(context.Background(), who.caller, message.Announcement{Type: message.Disconnect, Seq: j.Resume + 1}, 0) //nolint:errcheck // it may be refused, by both
			}
		}
		time.Sleep(time.Duration(r.IntN(3))*20*time.Second + 700*time.Millisecond) // some are lost by then, some are missing
		synctest.Wait()
	}
}

// process returns that of the instance, or nil.
func (p *platform) process(instance string) *process {
	p.Control.mu.Lock()
	defer p.Control.mu.Unlock()
	return p.instances[instance]
}

// alone does one at a time what RegisterAll does.
func alone(p *platform, j Joining) {
	r, err := p.Register(j.Registration, j.Secret)
	if err == nil && j.Resume > 0 {
		p.Announce(context.Background(), p.Bearer(r.Token), message.Announcement{Type: message.Resume, Seq: j.Resume}, 0) //nolint:errcheck // it may be refused, by both
	}
	synctest.Wait() // what it was told of is told
}

// joinings are registrations of some modules, not all of which are possible.
func joinings(r *rand.Rand) (all []Joining) {
	name := func() string { return fmt.Sprintf("m%d", r.IntN(6)) }
	for _, n := range r.Perm(6)[:1+r.IntN(6)] {
		own := fmt.Sprintf("m%d", n)
		reg := message.Registration{
			Module: own, Version: module.MustVersion(fmt.Sprintf("%d.0.0", 1+r.IntN(3))), Instance: fmt.Sprintf("%s-%d", own, r.IntN(2)),
			Upstream: "http://127.0.0.1:1", Routes: []message.Route{{Path: "/" + own}},
			Provides: []module.Interface{{ID: fmt.Sprintf("i%d", r.IntN(4)), Version: fmt.Sprintf("%d.0", 1+r.IntN(2))}},
		}
		for i := range r.IntN(3) {
			reg.Requires = append(reg.Requires, module.Requirement{ID: []string{name(), fmt.Sprintf("i%d", r.IntN(4))}[i], Range: fmt.Sprintf("%d.0", 1+r.IntN(2)), Optional: r.IntN(3) == 0})
		}
		if r.IntN(3) == 0 {
			reg.Routes = append(reg.Routes, message.Route{Path: fmt.Sprintf("/shared/%d", r.IntN(2))})
		}
		if other := name(); r.IntN(4) == 0 && other != own {
			reg.Replaces = []string{other}
		}
		j := Joining{Registration: reg, Secret: joinSecret}
		if r.IntN(3) > 0 {
			j.Resume = uint64(time.Now().UnixMicro())
		}
		if r.IntN(10) == 0 {
			j.Secret = "wrong"
		}
		all = append(all, j)
	}
	return all
}

var tokens = regexp.MustCompile(`"token":"[^"]*"`)

// picture is all that is to be seen of a platform at rest, by what it is.
func picture(p *platform) map[string]string {
	out := map[string]string{}
	show := func(what string, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			p.t.Fatal(err)
		}
		out[what] = tokens.ReplaceAllString(string(text), "")
	}
	for name, e := range p.modules {
		show("record of "+name, e.record)
		show("history of "+name, e.trail)
		st := *e.route.State()
		var serving, own []string
		for _, v := range append(st.Own, st.Serving) {
			if v != nil {
				for _, in := range v.Instances {
					own = append(own, fmt.Sprint(v.Version, in.ID, in.Enter(0) != nil))
				}
			}
		}
		show("state of "+name, []any{st.Availability, st.Reason, st.Turn, st.Epoch, st.Since, st.Until, serving, own, e.routes.claims})
	}
	var routes []string
	for m, e := range p.live.Load().Table.All() {
		routes = append(routes, fmt.Sprint(m.Name, e))
	}
	show("routes", routes)
	for id, in := range p.instances {
		var told []string
		v, _ := p.modules[in.module].record.Find(id)
		for subject, t := range in.told {
			required := slices.ContainsFunc(v.Requires, func(q module.Requirement) bool { return q.ID == subject && p.view.Resolve(q).Module != "" })
			if subject != id && (!required || in.caller.Fenced()) {
				continue // it is not told of that, or not any more
			}
			if t.Kind == message.NoticeResume {
				t.Found = ""
			}
			told = append(told, fmt.Sprint(subject, t.Kind, t.Found, t.Until)) // on which module's word may change in silence
		}
		slices.Sort(told)
		var lacks []string
		for name, m := range p.live.Load().Modules {
			for _, u := range in.caller.Unmet(m) {
				lacks = append(lacks, fmt.Sprint(name, u))
			}
		}
		slices.Sort(lacks)
		show("knowledge of "+id, []any{told, lacks, p.Owed(id), in.caller.Fenced()})
	}
	show("unmet", slices.Sorted(maps.Keys(p.incidents)))
	records, err := p.store.Load(recordSpace)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, r := range records {
		out["on disk of "+r.Key] = tokens.ReplaceAllString(string(r.Value), "")
	}
	return out
}

// Of two modules that say they replace each other, one is heard (V10), also if
// they say so at once.
func TestTogetherTwoCannotReplaceEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		a, b := joining("a"), joining("b")
		a.Replaces, b.Replaces = []string{"b"}, []string{"a"}
		for i, r := range p.RegisterAll([]Joining{a, b}) {
			if r != nil {
				t.Errorf("%d is registered without a look at the other", i)
			}
		}
		alone(p, a)
		alone(p, b)
		if p.process("a-1") == nil || p.process("b-1") != nil {
			t.Error("want that a is registered, and b refused")
		}
	})
}

// Who inherits a grant says RESUME when its UPDATE is done, not with its
// registration (U4, U10).
func TestHeirOfAGrantDoesNotResumeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		j := joining("a")
		r, err := p.Register(j.Registration, j.Secret)
		if err != nil {
			t.Fatal(err)
		}
		p.say(r.Token, message.Update)
		if answers := p.RegisterAll([]Joining{j}); answers[0] == nil {
			t.Fatal("it is not registered")
		}
		if st := p.state("a"); st.Reason != message.ReasonUpdating || st.Holder == nil || st.Serving != nil {
			t.Errorf("a is %v, %v, want that it updates still", st.Availability, st.Reason)
		}
	})
}

// joining is a registration of a module with a route of its name, and RESUME.
func joining(name string) Joining {
	return Joining{Registration: message.Registration{
		Module: name, Version: module.MustVersion("1.0.0"), Instance: name + "-1", Upstream: "http://127.0.0.1:1",
		Routes: []message.Route{{Path: "/" + name}},
	}, Secret: joinSecret, Resume: 1}
}

// Of registrations that are made together each stands or falls by itself: what
// could not be saved is not shown.
func TestTogetherEachIsSavedByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		defer p.close()
		p.o.Store = &broken{Store: p.o.Store, key: "b"}
		answers := p.RegisterAll([]Joining{joining("a"), joining("b"), joining("c")})
		if answers[0] == nil || answers[1] != nil || answers[2] == nil {
			t.Fatalf("answers %v, want two, and none of b, which cannot be saved", answers)
		}
		for name, want := range map[string]message.Availability{"a": message.Ready, "c": message.Ready} {
			if got := p.state(name).Availability; got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		}
		if p.live.Load().Modules["b"] != nil || p.Bearer("") != nil {
			t.Error("b is shown, though it is not saved")
		}
		if _, found := p.live.Load().Table.Match([]byte("GET"), []byte("/b")); found {
			t.Error("b's route leads to it, though it is not saved")
		}
		var words []string
		for _, h := range p.happened {
			words = append(words, h.Module+" "+h.Event)
		}
		slices.Sort(words)
		if got, want := strings.Join(words, ", "), "a registered, a resume, c registered, c resume"; got != want {
			t.Errorf("it was told of %q, want %q", got, want)
		}
	})
}

// broken is a store that cannot write one record.
type broken struct {
	store.Store
	key string
}

func (b *broken) Swap(space, key string, value []byte, expect store.Revision) (store.Revision, error) {
	if key == b.key {
		return 0, errors.New("the disk is full")
	}
	return b.Store.Swap(space, key, value, expect)
}
