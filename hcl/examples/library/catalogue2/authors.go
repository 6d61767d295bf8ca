package main

import "fmt"

// Author is a record of its own since 2.0.
type Author struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// names finds authors by name, and gives new ones their id.
type names struct {
	byName map[string]Author
}

func newNames(authors []Author) names {
	n := names{byName: map[string]Author{}}
	for _, a := range authors {
		n.byName[a.Name] = a
	}
	return n
}

// author returns the author of that name, and whether it is new.
func (n names) author(name string) (a Author, fresh bool) {
	a, ok := n.byName[name]
	if !ok {
		a = Author{ID: fmt.Sprintf("a%d", len(n.byName)+1), Name: name}
		n.byName[name] = a
	}
	return a, !ok
}
