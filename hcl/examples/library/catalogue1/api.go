package main

import (
	"net/http"
	"strconv"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
	"github.com/modgate/modgate/hcl/examples/library/reply"
)

// pageMax is how many books one answer may hold.
const pageMax = 500

// routes are what 1.x serves; the gateway learns them at registration.
func routes() []modgate.Route {
	return []modgate.Route{
		{Methods: []string{"GET", "POST"}, Path: "/catalogue/books", Interface: "books"},
		{Methods: []string{"GET"}, Path: "/catalogue/books/{id}", Interface: "books"},
	}
}

// Handler serves the interface "books".
func (c *Catalogue) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /catalogue/books", c.list)
	mux.HandleFunc("GET /catalogue/books/{id}", c.get)
	mux.HandleFunc("POST /catalogue/books", c.post)
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

func (c *Catalogue) post(w http.ResponseWriter, r *http.Request) {
	var b Book
	if !reply.Read(w, r, &b) {
		return
	}
	if b.Title == "" || b.Author == "" {
		reply.Text(w, http.StatusBadRequest, "want a title and an author")
		return
	}
	b, err := c.Add(r.Context(), b)
	if err != nil {
		reply.Error(w, err)
		return
	}
	reply.JSON(w, http.StatusCreated, b)
}
