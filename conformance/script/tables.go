package script

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Tables returns the parts of the grammar's document that follow from the
// code, by name, as Markdown.
func Tables() map[string]string {
	var verbs, answers strings.Builder
	verbs.WriteString("| who | step | options | what |\n|---|---|---|---|\n")
	for _, v := range Verbs {
		step := "`" + strings.TrimSpace(v.Name+" "+v.Args) + "`"
		if v.Beside {
			step += " `as`"
		}
		if v.Checks {
			step += " `->`"
		}
		var who, options []string
		for _, k := range v.Kinds {
			who = append(who, k.String())
		}
		for _, o := range strings.Fields(v.Options) {
			options = append(options, "`"+strings.Replace(o, "@", "@Name", 1)+"`")
		}
		fmt.Fprintf(&verbs, "| %s | %s | %s | %s |\n", strings.Join(who, ", "), step, strings.Join(options, " "), v.Means)
	}
	answers.WriteString("| word | means |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(macros)) {
		fmt.Fprintf(&answers, "| `%s` | %s |\n", name, macros[name])
	}
	return map[string]string{"verbs": verbs.String(), "answers": answers.String()}
}
