package api

import "net/http"

func (s *server) raise(w http.ResponseWriter, r *http.Request)     {}
func (s *server) alerts(w http.ResponseWriter, r *http.Request)    {}
func (s *server) processes(w http.ResponseWriter, r *http.Request) {}
func (s *server) openapi(w http.ResponseWriter, r *http.Request)   {}
