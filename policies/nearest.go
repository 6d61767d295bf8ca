package policies

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// nearest returns the word that s is most likely a slip of, empty if none is
// near.
func nearest(s string, words []string) (best string) {
	least := len(s)
	for _, w := range words {
		if d := edits(s, w); d < least && d <= len(w)/3 {
			best, least = w, d
		}
	}
	return best
}

// edits returns how many letters must be put in, taken out, changed or swapped
// with the next to make a of b.
func edits(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// quoted writes words as a list.
func quoted(words []string) string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = strconv.Quote(w)
	}
	return strings.Join(list, ", ")
}

// sortedNames returns the names in m, in order.
func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func compareDiagnostics(a, b Diagnostic) int {
	return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, strings.Compare(a.Text, b.Text))
}
