package terminal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExportAndImport(t *testing.T) {
	home(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "in.jsonl")
	if err := os.WriteFile(file, []byte(`{"title": "Sums", "conversations": [{"from": "human", "value": "2 + 2?"}, {"from": "gpt", "value": "4"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := works(t, "", "import", file); !strings.Contains(out, "1 chat with 2 messages from ShareGPT") {
		t.Errorf("import says %q", out)
	}
	list := works(t, "", "export", "--list")
	if !strings.Contains(list, "Sums") || !strings.Contains(list, "TITLE") {
		t.Errorf("list:\n%s", list)
	}
	if out := works(t, "", "export", "--format", "markdown"); !strings.Contains(out, "# Sums") || !strings.Contains(out, "2 + 2?") {
		t.Errorf("markdown:\n%s", out)
	}
	saved := filepath.Join(dir, "out.json")
	if _, _, said := burble(t, "", "export", "-o", saved, "--chat", "1"); !strings.Contains(said, "1 chat written") {
		t.Errorf("export says %q", said)
	}
	if out := works(t, "", "import", saved, file); strings.Count(out, "1 chat with") != 2 || !strings.Contains(out, "from Burble") {
		t.Errorf("import says %q", out)
	}
	md := filepath.Join(dir, "out.MD")
	works(t, "", "export", "-o", md)
	if data, err := os.ReadFile(md); err != nil || strings.Count(string(data), "# Sums") != 3 {
		t.Errorf("the file's ending: %q, %v", data, err)
	}
	broken := filepath.Join(dir, "broken.json")
	if err := os.WriteFile(broken, []byte(`{"burble_chats": 1, "chats": [`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"import"}, exitUsage, "no file"},
		{[]string{"import", broken}, exitError, "ends in the middle"},
		{[]string{"import", filepath.Join(dir, "none.json")}, exitError, "none.json"},
		{[]string{"export", "--format", "pdf"}, exitUsage, "pdf"},
		{[]string{"export", "--chat", "1", "--folder", "x"}, exitUsage, "exclude"},
		{[]string{"export", "--folder", "x"}, exitError, `no folder "x"`},
		{[]string{"export", "--chat", "99"}, exitError, "no such chat"},
		{[]string{"export", "-o", filepath.Join(dir, "none", "x.json")}, exitError, "none"},
	} {
		code, _, said := burble(t, "", c.args...)
		if code != c.code || !strings.Contains(said, c.says) {
			t.Errorf("burble %q ends with %d and says %q", c.args, code, said)
		}
	}
}
