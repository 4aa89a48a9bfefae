package rest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"reddot/projector/testkit"
)

// sign is a token of a user for an hour, with these claims beside.
func sign(tb testing.TB, user, more string) string {
	tb.Helper()
	claims := jwt.MapClaims{"sub": user, "exp": time.Now().Add(time.Hour).Unix()}
	if more != "" {
		testkit.OK(tb, json.Unmarshal([]byte(more), &claims))
	}
	return "Authorization: Bearer " + testkit.Must(jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret)))(tb)
}
