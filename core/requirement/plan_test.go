package requirement

import (
	"fmt"
	"strings"
	"testing"

	"github.com/modgate/modgate/core/lifecycle"
	"github.com/modgate/modgate/core/module"
)

// serves reads "items 1.0, needs users 1.0, likes tags 1.0" as a version.
func serves(version, text string) *lifecycle.Version {
	v := &lifecycle.Version{Version: module.MustVersion(version)}
	for part := range strings.SplitSeq(text, ", ") {
		words := strings.Fields(part)
		switch {
		case len(words) == 2:
			v.Provides = append(v.Provides, module.Interface{ID: words[0], Version: words[1]})
		case len(words) == 3:
			v.Requires = append(v.Requires, module.Requirement{ID: words[1], Range: words[2], Optional: words[0] == "likes"})
		}
	}
	return v
}

func TestPlanSaysWhoseRequirementsShift(t *testing.T) {
	type platform = map[string]*lifecycle.Version
	users1, users2 := serves("1.0.0", "users 1.0"), serves("2.0.0", "users 2.0")
	loans := serves("1.0.0", "needs users 1.0, likes tags 1.0")
	for _, c := range []struct {
		name          string
		before, after platform
		want          string
	}{
		{"nothing", platform{"users": users1, "loans": loans}, platform{"users": users1, "loans": loans}, ""},
		{"a target goes too far", platform{"users": users1, "loans": loans}, platform{"users": users2, "loans": loans}, "loans users: met, then missing (2.0)"},
		{"a target comes back", platform{"users": users2, "loans": loans}, platform{"users": users1, "loans": loans}, "loans users: missing, then met (1.0)"},
		{
			"a target goes too far for several",
			platform{"users": users1, "loans": loans, "holds": loans, "desk": serves("1.0.0", "needs users 1.0, needs loans >=2")},
			platform{"users": users2, "loans": loans, "holds": loans, "desk": serves("1.0.0", "needs users 1.0, needs loans <2")},
			"desk loans: missing, then met (1.0.0)\ndesk users: met, then missing (2.0)\nholds users: met, then missing (2.0)\nloans users: met, then missing (2.0)",
		},
		{"a target leaves", platform{"users": users1, "loans": loans}, platform{"loans": loans}, "loans users: met, then missing ()"},
		{"a caller is new, and is not met", platform{"users": users2}, platform{"users": users2, "loans": loans}, "loans users: , then missing (2.0)"},
		{"a caller is new, and is met", platform{"users": users1}, platform{"users": users1, "loans": loans}, ""},
		{"a caller follows", platform{"users": users1, "loans": loans}, platform{"users": users2, "loans": serves("2.0.0", "needs users 2.0")}, ""},
		{"what is optional is met while nobody has it", platform{"users": users1, "loans": loans}, platform{"users": users1, "loans": loans, "tags": serves("1.0.0", "tags 2.0")}, "loans tags: met, then missing (2.0)"},
		{"a module is an interface of its own name", platform{}, platform{"users": users2, "loans": serves("1.0.0", "needs users >=2")}, ""},
	} {
		var got []string
		for _, s := range Plan(c.before, c.after) {
			got = append(got, fmt.Sprintf("%s %s: %s, then %s (%s)", s.Module, s.ID, s.Was, s.Is, s.Found))
		}
		if strings.Join(got, "\n") != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
