package terminal

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/adrg/xdg"

	"burble/app/hub/hubtest"
	"burble/gguf"
)

func TestPull(t *testing.T) {
	home := t.TempDir()
	for name, dir := range map[string]string{"XDG_DATA_HOME": "data", "XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache"} {
		t.Setenv(name, filepath.Join(home, dir))
	}
	xdg.Reload()
	t.Cleanup(xdg.Reload)
	t.Setenv("HF_TOKEN", "")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
	s := hubtest.New()
	defer s.Close()
	t.Setenv("HF_ENDPOINT", s.Hub.URL)
	model := func(mix string) []byte {
		var b bytes.Buffer
		if err := gguf.SynthTo(&b, "tiny-llama", mix, 1); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	q8 := model("Q8_0")
	s.Put("owner/tiny-GGUF", hubtest.Repo{Files: map[string][]byte{"tiny-Q4_K_M.gguf": model("Q4_K_M"), "tiny-Q8_0.gguf": q8}})
	s.Put("owner/gated-GGUF", hubtest.Repo{Gated: true, Files: map[string][]byte{"tiny-Q8_0.gguf": q8}})

	if out := works(t, "", "pull", "tiny"); strings.TrimSpace(out) != "owner/tiny-GGUF" {
		t.Errorf("search: %q", out)
	}
	if out := works(t, "", "pull", "owner/tiny-GGUF", "--list"); !strings.Contains(out, "Q4_K_M") || !strings.Contains(out, "Q8_0") {
		t.Errorf("list: %q", out)
	}
	want := filepath.Join(home, "data", "burble", "models", "owner", "tiny-GGUF", "tiny-Q8_0.gguf")
	// Ctrl+C in the middle; then the same command goes on.
	s.Pace(5 * time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for {
			if info, err := os.Stat(want + ".part"); err == nil && info.Size() > 200_000 {
				cancel()
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	var out, errOut bytes.Buffer
	if code := Run(ctx, []string{"pull", "owner/tiny-GGUF:q8_0"}, nil, strings.NewReader(""), &out, &errOut); code != exitError || !strings.Contains(errOut.String(), "goes on from there") {
		t.Errorf("interrupted: %d, %s", code, errOut.String())
	}
	s.Pace(0)
	s.Requests()
	if out := works(t, "", "pull", "owner/tiny-GGUF:q8_0"); strings.TrimSpace(out) != want {
		t.Errorf("%q, want %q", out, want)
	}
	if got, err := os.ReadFile(want); err != nil || !bytes.Equal(got, q8) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	resumed := false
	for _, r := range s.Requests() {
		resumed = resumed || strings.HasPrefix(r.Range, "bytes=")
	}
	if !resumed {
		t.Error("the download began again")
	}
	works(t, "", "pull", "owner/tiny-GGUF") // chooses one
	for name, words := range map[string]string{
		"owner/tiny-GGUF:Q2_K": "holds no Q2_K; there are Q4_K_M, Q8_0", "owner/none": "no repository owner/none", "owner/gated-GGUF": "HF_TOKEN", "nothing like it": "no repository of GGUF files",
	} {
		if code, _, errOut := burble(t, "", "pull", name); code != exitError || !strings.Contains(errOut, words) {
			t.Errorf("%s: %d, %s", name, code, errOut)
		}
	}
	if err := os.WriteFile(filepath.Join(home, "config", "burble", "settings.json"), []byte(`{"offline":true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Requests()
	if code, _, errOut := burble(t, "", "pull", "owner/tiny-GGUF"); code != exitError || !strings.Contains(errOut, "offline") || len(s.Requests()) != 0 {
		t.Errorf("offline: %d, %s", code, errOut)
	}
}
