package main

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
	"github.com/modgate/modgate/hcl/examples/library/reply"
)

// Handler serves loans.
func (l *Loans) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /loans", func(w http.ResponseWriter, r *http.Request) {
		reply.JSON(w, http.StatusOK, map[string]any{"loans": l.Of(r.FormValue("member"))})
	})
	mux.HandleFunc("POST /loans", l.lend)
	mux.HandleFunc("POST /loans/{id}/return", l.giveBack)
	return mux
}

// lend asks two other modules before it lends a book: is there such a member,
// and such a book?
func (l *Loans) lend(w http.ResponseWriter, r *http.Request) {
	var want struct{ Member, Book string }
	if !reply.Read(w, r, &want) {
		return
	}
	var member struct{ ID string }
	if err := fetch(r.Context(), l.instance, "members", "/members/"+url.PathEscape(want.Member), &member); err != nil {
		refuse(w, err, "member")
		return
	}
	var book struct{ ID, Title string }
	if err := fetch(r.Context(), l.instance, "catalogue", "/catalogue/books/"+url.PathEscape(want.Book), &book); err != nil {
		refuse(w, err, "book")
		return
	}
	loan, err := l.Lend(r.Context(), Loan{Member: member.ID, Book: book.ID, Title: book.Title, Lent: time.Now().UTC()})
	switch {
	case errors.Is(err, errLent):
		reply.Text(w, http.StatusConflict, "The book is lent already")
	case err != nil:
		reply.Error(w, err)
	default:
		reply.JSON(w, http.StatusCreated, loan)
	}
}

func (l *Loans) giveBack(w http.ResponseWriter, r *http.Request) {
	loan, err := l.Return(r.Context(), r.PathValue("id"), time.Now().UTC())
	switch {
	case errors.Is(err, errReturned):
		reply.Text(w, http.StatusConflict, "There is no such loan, or the book is back already")
	case err != nil:
		reply.Error(w, err)
	default:
		reply.JSON(w, http.StatusOK, loan)
	}
}

// refuse answers that what was to be fetched is not there, or that nobody
// can say.
func refuse(w http.ResponseWriter, err error, what string) {
	var p *modgate.Problem
	switch {
	case !errors.As(err, &p):
		reply.Error(w, err)
	case p.Status == http.StatusNotFound:
		reply.Text(w, http.StatusUnprocessableEntity, "There is no such "+what)
	case p.Status == http.StatusServiceUnavailable:
		reply.Away(w, p.RetryAfter, "No loans can be made now: "+what+"s cannot be looked up")
	default:
		reply.Error(w, err)
	}
}
