package server

import (
	"reddot/api/console"
	"reddot/api/demo"
	"reddot/api/docs"
	"reddot/api/rest"
)

// pages are those that the program holds.
func (s *Server) pages() (routes []rest.Route) {
	routes = append(rest.Pages("/console/", console.Static), rest.Lead("/", "/console/"))
	routes = append(routes, rest.Files("/docs/", docs.Files)...)
	if s.authority.IsOpen() { // it sends messages, as only a back end may
		routes = append(routes, rest.Pages("/demo/", demo.Static)...)
	}
	return routes
}
