package module

import "testing"

func TestVersionsOrderBySemverPrecedence(t *testing.T) { // V5
	for _, c := range []struct {
		v, w string
		want int
	}{
		{"1.2.3", "1.2.3", 0},
		{"1.2.3+a", "1.2.3+b", 0},
		{"1.10.0", "1.9.0", 1},
		{"2.0.0-rc.1", "2.0.0", -1},
		{"2.0.0-rc.2", "2.0.0-rc.10", -1},
	} {
		if got := MustVersion(c.v).Compare(MustVersion(c.w)); got != c.want {
			t.Errorf("%s against %s: got %d, want %d", c.v, c.w, got, c.want)
		}
	}
	if !(Version{}).Less(MustVersion("0.0.0-0")) {
		t.Error("the zero version is not below all others")
	}
}

func TestLooseVersionsAreRefused(t *testing.T) {
	for _, s := range []string{"", "1", "1.2", "v1.2.3", "1.2.3.4", "01.2.3", " 1.2.3"} {
		if _, err := ParseVersion(s); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
}

func TestRangesAdmit(t *testing.T) { // D6
	for _, c := range []struct {
		rng     string
		scheme  Scheme
		version string
		want    bool
	}{
		{"", Semver, "9.9.9", true},
		{"*", FOLIO, "1.0", true},
		{"1.4", Semver, "1.4.0", true},
		{"1.4", Semver, "1.3.9", false},
		{"1.4", Semver, "1.99.0", true},
		{"1.4", Semver, "2.0.0-rc.1", false}, // below (X+1).0.0-0 only
		{"1.4", Semver, "1.5.0-rc.1", true},
		{"1.4.2", Semver, "1.4.1", false},
		{"0.3", Semver, "0.9.0", true}, // for 0.x too
		{"0.3", Semver, "1.0.0", false},
		{"1", Semver, "1.0.0", true},
		{"1", Semver, "0.9.0", false},
		{">= 1.4", Semver, "3.0.0", true},
		{">= 1.4, < 3", Semver, "3.0.0", false},
		{"^2.1 || ^4", Semver, "4.0.1", true},
		{">= 2.0.0-rc.1", Semver, "2.0.0-rc.2", true},
		{">= 1.4", Semver, "1.3", false}, // interface versions are X.Y
		{">= 1.4", Semver, "1.5", true},
		{">= 1.4", Semver, "new", false},
		{"1.3", FOLIO, "1.5", true},
		{"1.3", FOLIO, "2.0", false},
		{"1.3", FOLIO, "1.2", false},
		{"1.3 2.1", FOLIO, "2.4", true},
		{"1.3.2", FOLIO, "1.3.1", false},
		{"1.3", FOLIO, "1.3.0-x", false},
	} {
		r, err := ParseRange(c.rng, c.scheme)
		if err != nil {
			t.Errorf("%q: %v", c.rng, err)
			continue
		}
		if got := r.Admits(c.version); got != c.want {
			t.Errorf("%q (%v) admits %s: got %v, want %v", c.rng, c.scheme, c.version, got, c.want)
		}
	}
}

// The short way to read a bare version comes to what D6 says that it means.
func TestBareVersionIsItsRange(t *testing.T) {
	versions := []string{"0", "1", "1.4", "v1.4.2", "1.4-rc", "x", ""}
	for _, core := range []string{"0.0.0", "0.3.0", "0.9.9", "1.0.0", "1.4.0", "1.4.2", "1.10.0", "2.0.0", "2.1.0", "10.0.0"} {
		versions = append(versions, core, core+"-0", core+"-rc.1", core+"+build")
	}
	for bare, long := range map[string]string{
		"0": ">= 0.0.0, < 1.0.0-0", "0.3": ">= 0.3.0, < 1.0.0-0", "1": ">= 1.0.0, < 2.0.0-0", "1.4": ">= 1.4.0, < 2.0.0-0",
		"1.4.2": ">= 1.4.2, < 2.0.0-0", "1.10": ">= 1.10.0, < 2.0.0-0",
	} {
		got, err := ParseRange(bare, Semver)
		want, werr := ParseRange(long, Semver)
		if err != nil || werr != nil || got.bare == nil || want.bare != nil {
			t.Fatal(bare, err, werr)
		}
		for _, v := range versions {
			if got.Admits(v) != want.Admits(v) {
				t.Errorf("%s admits %q: %v, want as %s", bare, v, got.Admits(v), long)
			}
		}
	}
}

func TestBadRangesAreRefused(t *testing.T) {
	for rng, scheme := range map[string]Scheme{">>1": Semver, "one": Semver, "1": FOLIO, ">= 1.2": FOLIO} {
		if _, err := ParseRange(rng, scheme); err == nil {
			t.Errorf("%q was accepted", rng)
		}
	}
}

func TestNames(t *testing.T) {
	for s, want := range map[string]bool{"mod-inventory": true, "a": true, "": false, "-a": false, "a b": false, "a/b": false} {
		if got := CheckName(s) == nil; got != want {
			t.Errorf("name %q: got %v, want %v", s, got, want)
		}
	}
	if CheckInstance("-a.1_") != nil || CheckInstance("a:1") == nil {
		t.Error("instance ids are [A-Za-z0-9._-]{1,64}")
	}
}

func TestInterfacesMayHaveSlashes(t *testing.T) {
	for s, want := range map[string]bool{"erm-usage/files": true, "items": true, "/items": false, "": false, "a b": false} {
		if got := CheckInterface(s) == nil; got != want {
			t.Errorf("interface %q: got %v, want %v", s, got, want)
		}
	}
}

func FuzzParseRange(f *testing.F) {
	f.Add(">= 1.4, < 3", "1.5.0")
	f.Add("1.3 2.1", "1.4")
	f.Fuzz(func(t *testing.T, rng, version string) {
		for _, s := range []Scheme{Semver, FOLIO} {
			if r, err := ParseRange(rng, s); err == nil {
				r.Admits(version)
			}
		}
	})
}
