package rest

import (
	"io"
	"net/http"

	"reddot/api/identity"
	"reddot/events"
)

// health says that the process lives.
func (s *Server) health(x *Exchange) error {
	x.text(http.StatusOK, "ok")
	return nil
}

// ready says whether queries are answered. The reason why not is for those who may see
// how the server does.
func (s *Server) ready(x *Exchange) error {
	told := s.cfg.Authority.IsOpen() || x.Who.May(identity.Viewer)
	if s.cfg.Ready != nil {
		if err := s.cfg.Ready(); err != nil {
			line := "not ready"
			if told {
				line = err.Error()
			}
			x.text(http.StatusServiceUnavailable, line)
			return nil
		}
	}
	line := "ready"
	if s.cfg.But != nil && told {
		if err := s.cfg.But(); err != nil {
			line += "\nbut " + err.Error()
		}
	}
	x.text(http.StatusOK, line)
	return nil
}

// text sends a line.
func (x *Exchange) text(code int, line string) {
	h := x.Writer.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if code == http.StatusServiceUnavailable {
		h.Set("Retry-After", retryAfter(0))
	}
	x.Writer.WriteHeader(code)
	io.WriteString(x.Writer, line+"\n") // an asker that has gone away is no error
}

// Discovery answers GET /v1: what there is, for clients.
type Discovery struct {
	Name       string          `json:"name"`
	Version    string          `json:"version"`
	Transports []string        `json:"transports"` // how changes are heard
	Limits     DiscoveryLimits `json:"limits"`
}

// DiscoveryLimits are what requests are bounded by.
type DiscoveryLimits struct {
	ID          int `json:"id_bytes"`
	Limit       int `json:"limit"`      // of a page
	TimeoutMS   int `json:"timeout_ms"` // of a wait
	Batch       int `json:"batch"`      // commands
	BatchBytes  int `json:"batch_bytes"`
	Payload     int `json:"payload_bytes"` // of a command
	Query       int `json:"query_bytes"`   // of a body
	URL         int `json:"url_bytes"`
	Headers     int `json:"headers_bytes"`
	TotalsUsers int `json:"totals_users"`
	ReceiptIDs  int `json:"receipt_ids"`
	Fanout      int `json:"fanout"` // members up to which a group's changes go to everyone
}

// discovery says what there is.
func (s *Server) discovery(x *Exchange) error {
	transports := s.cfg.Transports
	if transports == nil {
		transports = []string{}
	}
	x.Writer.Header().Set("Cache-Control", "no-cache")
	return x.reply(Discovery{
		Name: "reddot", Version: s.cfg.Version, Transports: transports,
		Limits: DiscoveryLimits{
			ID: events.MaxID, Limit: events.MaxLimit, TimeoutMS: events.MaxWaitMS, Batch: events.MaxBatch, BatchBytes: events.MaxBatchBytes,
			Payload: events.MaxPayload, Query: events.MaxRequest, URL: maxURL, Headers: maxHeaders,
			TotalsUsers: events.MaxTotalsUsers, ReceiptIDs: events.MaxReceiptIDs, Fanout: s.cfg.Fanout,
		},
	})
}
