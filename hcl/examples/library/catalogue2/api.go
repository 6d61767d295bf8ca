package main

import (
	"net/http"
	"strconv"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
	"github.com/modgate/modgate/hcl/examples/library/reply"
)

// pageMax is how many books one answer may hold.
const pageMax = 500

// routes are what 2.x serves: those of 1.x, and authors.
func routes() []modgate.Route {
	return []modgate.Route{
		{Methods: []string{"GET", "POST"}, Path: "/catalogue/books", Interface: "books"},
		{Methods: []string{"GET"}, Path: "/catalogue/books/{id}", Interface: "books"},
		{Methods: []string{"GET"}, Path: "/catalogue/authors/{id}", Interface: "authors"},
	}
}

// Handler serves the interfaces "books" and "authors".
func (c *Catalogue) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /catalogue/books", c.list)
	mux.HandleFunc("GET /catalogue/books/{id}", c.get)
	mux.HandleFunc("POST /catalogue/books", c.post)
	mux.HandleFunc("GET /catalogue/authors/{id}", c.getAuthor)
	return mux
}

// list answers ?after=CHANGE with the books that changed since.
func (c *Catalogue) list(w http.ResponseWriter, r *http.Request) {
	after := uint64(0)
	if text := r.FormValue("after"); text != "" {
		var err error
		if after, err = strconv.ParseUint(text, 10, 64); err != nil {
			reply.Text(w, http.StatusBadRequest, "after: want the number of a change")
			return
		}
	}
	reply.JSON(w, http.StatusOK, map[string]any{"books": c.After(after, pageMax)})
}

func (c *Catalogue) get(w http.ResponseWriter, r *http.Request) {
	b, ok := c.Book(r.PathValue("id"))
	if !ok {
		reply.Text(w, http.StatusNotFound, "There is no such book")
		return
	}
	reply.JSON(w, http.StatusOK, b)
}

// post takes what 1.x took: authors come as one text.
func (c *Catalogue) post(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Title, Author string
		Year          int
	}
	if !reply.Read(w, r, &b) {
		return
	}
	if b.Title == "" || len(split(b.Author)) == 0 {
		reply.Text(w, http.StatusBadRequest, "want a title and an author")
		return
	}
	v, err := c.Add(r.Context(), b.Title, b.Author, b.Year)
	if err != nil {
		reply.Error(w, err)
		return
	}
	reply.JSON(w, http.StatusCreated, v)
}

func (c *Catalogue) getAuthor(w http.ResponseWriter, r *http.Request) {
	a, books, ok := c.Author(r.PathValue("id"))
	if !ok {
		reply.Text(w, http.StatusNotFound, "There is no such author")
		return
	}
	reply.JSON(w, http.StatusOK, map[string]any{"id": a.ID, "name": a.Name, "books": books})
}
