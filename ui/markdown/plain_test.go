package markdown

import "testing"

func TestPlain(t *testing.T) {
	for _, c := range []struct{ name, source, want string }{
		{"styles", "Some **bold** and `code` with vector<int>.", "Some bold and code with vector<int>."},
		{"heading", "# Title\n\nText", "Title\n\nText"},
		{"list", "- one\n- two\n  - inner", "• one\n• two\n  • inner"},
		{"numbers", "9. one\n10. two", "9. one\n10. two"},
		{"loose", "- one\n\n- two", "• one\n\n• two"},
		{"tasks", "- [ ] open\n- [x] done", "☐ open\n☑ done"},
		{"code", "Do:\n\n```go\nfunc f() {\n\treturn\n}\n```", "Do:\n\nfunc f() {\n\treturn\n}"},
		{"code in a list", "1. Do:\n\n   ```\n   a\n\n   b\n   ```", "1. Do:\n\n   a\n\n   b"},
		{"table", "| a | b |\n|---|---|\n| 1 | **2** |", "a\tb\n1\t2"},
		{"quote", "> one\n>\n> two", "> one\n>\n> two"},
		{"link", "See [the *Go* site](https://go.dev).", "See the Go site (https://go.dev)."},
		{"bare link", "See https://go.dev now", "See https://go.dev now"},
		{"two links", "[a](https://a.de) [b](https://b.de)", "a (https://a.de) b (https://b.de)"},
		{"nothing", "", ""},
	} {
		if got := Plain(NewParser().Parse(c.source)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAllCode(t *testing.T) {
	source := "```go\na\n```\n\ntext `inline`\n\n- item\n\n  ```\n  b\n  ```\n\n> ```\n> c\n> ```\n"
	if got, want := AllCode(NewParser().Parse(source)), "a\n\nb\n\nc"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := AllCode(NewParser().Parse("no code")); got != "" {
		t.Errorf("%q where there is no code", got)
	}
}

func TestQuoted(t *testing.T) {
	if got, want := Quoted("one\n\ntwo\n"), "> one\n>\n> two"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
