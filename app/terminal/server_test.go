package terminal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/adrg/xdg"

	"burble/app/remote/remotetest"
)

// TestServer chats with a server's model from the terminal: one answer, a conversation, and what goes wrong.
func TestServer(t *testing.T) {
	home(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	s := remotetest.New(t, remotetest.LlamaServer)
	s.Key = "sk-very-secret-4711"

	if code, _, said := burble(t, "", "chat", "--server", s.URL, "-p", "Hi"); code != exitError || !strings.Contains(said, "wants a key (401)") {
		t.Errorf("%d, %s", code, said)
	}
	t.Setenv(keyVariable, s.Key)
	if out := works(t, "", "chat", "--server", s.URL, "--model", "qwen3-32b", "-p", "Hi", "--system", "Be brief.", "--temp", "0", "-n", "7"); out != "Hello, wörld!\n" {
		t.Errorf("%q", out)
	}
	q := s.Asked(t, 1)
	if strings.Join(q.Messages(), " / ") != "system: Be brief. / user: Hi" || q.Body["temperature"] != 0.0 || q.Body["max_tokens"] != 7.0 {
		t.Errorf("%v", q.Body)
	}
	code, out, said := burble(t, "Hi\nAnd?\n/exit\n", "chat", "--server", s.URL)
	if code != exitOK || out != "Hello, wörld!\nHello, wörld!\n" || !strings.Contains(said, "qwen3-32b on 127.0.0.1:") || !strings.Contains(said, "context 24 of 16384") {
		t.Errorf("%d, %q, %s", code, out, said)
	}
	if q := s.Asked(t, 3); len(q.Messages()) != 3 {
		t.Errorf("%q", q.Messages())
	}

	// An answer that breaks off is shown as far as it came, and the chat goes on.
	s.Script(func(st *remotetest.Stream) { st.Begin(); st.Word("Half"); st.Cut() })
	code, out, said = burble(t, "Hi\n/exit\n", "chat", "--server", s.URL)
	if code != exitOK || out != "Half\n" || !strings.Contains(said, "the answer broke off: ") {
		t.Errorf("%d, %q, %s", code, out, said)
	}
	if code, out, said := burble(t, "", "chat", "--server", s.URL, "-p", "Hi"); code != exitError || out != "Half\n" || strings.Contains(said, s.Key) {
		t.Errorf("%d, %q, %s", code, out, said)
	}

	for want, args := range map[string][]string{
		`has no model "gone"`:     {"--server", s.URL, "--model", "gone", "-p", "Hi"},
		"begins with ftp://":      {"--server", "ftp://example.com", "-p", "Hi"},
		"-m names a file":         {"--server", s.URL, "-m", "x.gguf", "-p", "Hi"},
		"which --server names":    {"--model", "x", "-p", "Hi"},
		"nothing answers at":      {"--server", "127.0.0.1:1", "-p", "Hi"},
		"user name or a password": {"--server", "http://me:you@example.com", "-p", "Hi"},
	} {
		if code, _, said := burble(t, "", append([]string{"chat"}, args...)...); code == exitOK || !strings.Contains(said, want) {
			t.Errorf("%v: %d, %s", args, code, said)
		}
	}

	// A server that the window has added goes by its name, with its own key; and the offline switch counts here too.
	t.Setenv(keyVariable, "")
	s.Say(nil, []string{"Fine."})
	config := filepath.Join(xdg.ConfigHome, "burble")
	for name, text := range map[string]string{
		"servers.json": `{"servers":[{"id":"a1","name":"Tower","keyed":true,"url":"` + s.URL + `"}]}`,
		"secrets.json": `{"server-a1":"` + s.Key + `"}`,
	} {
		if err := os.MkdirAll(config, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(config, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out := works(t, "", "chat", "--server", "tower", "-p", "Hi"); out != "Fine.\n" {
		t.Errorf("%q", out)
	}
	if err := os.WriteFile(filepath.Join(config, "settings.json"), []byte(`{"offline":true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, said := burble(t, "", "chat", "--server", "tower", "-p", "Hi"); code != exitError || !strings.Contains(said, "offline mode is on") {
		t.Errorf("%d, %s", code, said)
	}
}
