// Finds an issuer by discovery, and verifies the token on standard input with the keys that it found.
package main

import (
	"context"
	"encoding/json"
	"io/ioutil"
	"log"
	"os"
	"strings"

	"github.com/coreos/go-oidc"
)

func main() {
	issuer, audience := os.Args[1], os.Args[2]
	provider, err := oidc.NewProvider(context.Background(), issuer)
	if err != nil {
		log.Fatal(err)
	}
	text, err := ioutil.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{oidc.ES256}})
	token, err := verifier.Verify(context.Background(), strings.TrimSpace(string(text)))
	if err != nil {
		log.Fatal(err)
	}
	found := map[string]string{"tokenEndpoint": provider.Endpoint().TokenURL, "subject": token.Subject}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		log.Fatal(err)
	}
}
