package terminal

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"

	"burble/app"
	"burble/app/remote"
	"burble/inference"
)

// keyVariable names the environment variable that holds the key of a server that is given by its address. A key on the command
// line could be read by everybody on the machine.
const keyVariable = "BURBLE_SERVER_KEY"

// serverFlags adds the flags that name a server.
func serverFlags(fs *flag.FlagSet) (server, model *string) {
	server = fs.String("server", "", "ask a server that speaks OpenAI's API: its `URL`, whose key is in "+keyVariable+", or the name of one that the window has added")
	model = fs.String("model", "", "the server's model by `NAME`; without it, the only one")
	return server, model
}

// openServer prepares an engine that asks a server, and returns what loads its model. Close the engine by close.
func openServer(ctx context.Context, server, model string) (e app.Engine, ref string, close func(), err error) {
	return app.ServerEngine(ctx, server, model, os.Getenv(keyVariable))
}

// modelLine describes a loaded model in a line.
func modelLine(m inference.ModelInfo) string {
	parts := []string{m.Title()}
	for _, p := range []string{m.Quantisation, m.Device} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if m.ContextSize > 0 {
		parts = append(parts, fmt.Sprintf("context %d", m.ContextSize))
	}
	return strings.Join(parts, " · ")
}

// served reports whether a server answers.
func (t *talk) served() bool {
	_, ok := t.engine.(*remote.Engine)
	return ok
}
