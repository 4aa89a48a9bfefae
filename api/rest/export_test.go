package rest

import "net/http"

// Handler answers without a connection.
func (s *Server) Handler() http.Handler { return s.http.Handler }
