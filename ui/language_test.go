package ui

import (
	"encoding/json"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"burble/app"
	"burble/assets"
)

// texts returns the keys of all texts in ui's source with their English, and whether they have plural forms: the first
// argument of lang.L and lang.N, and the key of lang.X.
func texts(t *testing.T) (english map[string]string, plural map[string]bool) {
	t.Helper()
	english, plural = map[string]string{}, map[string]bool{}
	err := filepath.WalkDir(".", func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			fun, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if p, ok := fun.X.(*ast.Ident); !ok || p.Name != "lang" || p.Obj != nil {
				return true
			}
			argument := func(i int) string {
				v, err := types.Eval(files, nil, token.NoPos, types.ExprString(call.Args[i]))
				if err != nil || v.Value == nil || v.Value.Kind() != constant.String {
					t.Errorf("%v: %s's text is no constant, so that nobody can translate it", files.Position(call.Pos()), fun.Sel.Name)
					return ""
				}
				return constant.StringVal(v.Value)
			}
			switch fun.Sel.Name {
			case "L", "Localize":
				english[argument(0)] = argument(0)
			case "N", "LocalizePlural":
				english[argument(0)], plural[argument(0)] = argument(0), true
			case "X", "LocalizeKey":
				english[argument(0)] = argument(1)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	delete(english, "")
	return english, plural
}

// fyneTexts returns the texts of Fyne's own dialogs and menus.
func fyneTexts(t *testing.T) []string {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "fyne.io/fyne/v2").Output()
	if err != nil {
		t.Skipf("finding Fyne's source: %v", err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "lang", "translations", "base.en.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(all))
}

// reserved are words that go-i18n takes for parts of a text, not for keys.
var reserved = []string{"id", "description", "hash", "leftdelim", "rightdelim", "zero", "one", "two", "few", "many", "other", "translation"}

var placeholder = regexp.MustCompile(`{{[^}]*}}`)

// TestTranslations wants every text of the window in every language, with the same placeholders, and no text that is no
// longer used. TRANSLATIONS=missing lists what is missing, as JSON, in place of failing for it.
func TestTranslations(t *testing.T) {
	english, plural := texts(t)
	if len(english) < 100 {
		t.Fatalf("only %d texts were found", len(english))
	}
	needed := maps.Clone(english)
	for _, key := range fyneTexts(t) {
		needed[key] = ""
	}
	for key := range english {
		if slices.Contains(reserved, strings.ToLower(key)) {
			t.Errorf("%q is a reserved word in translation files: give lang.X a longer key", key)
		}
	}
	missing := map[string]map[string]string{}
	for _, tag := range app.Languages()[1:] {
		data, err := assets.Translations.ReadFile("translation/" + tag + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatalf("%s: %v", tag, err)
		}
		missing[tag] = map[string]string{}
		for key, in := range needed {
			forms, _ := got[key].(map[string]any)
			if forms == nil && got[key] != nil {
				forms = map[string]any{"other": got[key]}
			}
			if forms["other"] == nil {
				missing[tag][key] = in
				continue
			}
			if plural[key] && tag != "zh" && forms["one"] == nil {
				t.Errorf("%s: %q has no form for one", tag, key)
			}
			for form, text := range forms {
				if in != "" && form == "other" && !equalPlaceholders(in, text.(string)) {
					t.Errorf("%s: the placeholders of %q are not those of %q", tag, text, in)
				}
			}
			if tag == "en" && in != "" && forms["other"] != in {
				t.Errorf("en: %q is not the text in the source, %q", forms["other"], in)
			}
		}
		for key := range got {
			if _, ok := needed[key]; !ok {
				t.Errorf("assets/translation/%s.json: %q is not used any more", tag, key)
			}
		}
	}
	if os.Getenv("TRANSLATIONS") == "missing" {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(missing); err != nil {
			t.Error(err)
		}
		return
	}
	for _, tag := range slices.Sorted(maps.Keys(missing)) {
		for _, key := range slices.Sorted(maps.Keys(missing[tag])) {
			t.Errorf("assets/translation/%s.json lacks %q", tag, key)
		}
	}
}

func equalPlaceholders(a, b string) bool {
	p, q := placeholder.FindAllString(a, -1), placeholder.FindAllString(b, -1)
	slices.Sort(p)
	slices.Sort(q)
	return slices.Equal(p, q)
}

// TestLanguages wants the window in the language that is set, whatever the system's is.
func TestLanguages(t *testing.T) {
	for _, c := range []struct{ locale, set, want string }{
		{"en_GB.UTF-8", "de", "Neuer Chat"},
		{"en_GB.UTF-8", "zh", "新对话"},
		{"de_AT.UTF-8", "system", "Neuer Chat"},
		{"zh_CN.UTF-8", "system", "新对话"},
		{"ru_RU.UTF-8", "system", "New chat"},
		{"ru_RU.UTF-8", "de", "Neuer Chat"},
		{"de_DE.UTF-8", "en", "New chat"},
		{"C", "zh", "新对话"},
		{"C", "en", "New chat"},
	} {
		t.Setenv("LC_ALL", c.locale)
		t.Setenv("LANGUAGE", "")
		f := newFake()
		f.values.Language = c.set
		w := open(t, f, 1000, 700)
		if got := w.sidebar.create.Text; got != c.want {
			t.Errorf("%s with the system in %s: %q, want %q", c.set, c.locale, got, c.want)
		}
	}
	t.Setenv("LC_ALL", "ru_RU.UTF-8") // which has more plural forms than German
	if err := setLanguage("de"); err != nil {
		t.Fatal(err)
	}
	f := newFake()
	f.values.Language = "de"
	id := f.chatWith("x", noon, "a", "b")
	w := open(t, f, 1000, 700)
	w.openChat(id)
	if got := noteText(w.messages[1].Stats); got != "38,2 Token/s · 120 Token" {
		t.Errorf("figures %q", got)
	}
	t.Setenv("LC_ALL", "C")
	if err := setLanguage("en"); err != nil { // for the tests after this one
		t.Fatal(err)
	}
}

// TestLanguageSwitch wants the window to change its language at once, and to keep what was on the screen.
func TestLanguageSwitch(t *testing.T) {
	f := furnished()
	f.load()
	w := open(t, f, 1000, 700)
	w.openChat(1)
	w.composer.entry.SetText("half a thought")
	w.openSettings()
	if err := w.b.Settings.Update(func(v *app.Values) { v.Language = "de" }); err != nil {
		t.Fatal(err)
	}
	drain(w, f)
	if w.sidebar.create.Text != "Neuer Chat" || w.chat != 1 || w.composer.entry.Text != "half a thought" || w.settings == nil || len(w.messages) != 4 {
		t.Errorf("after the switch: %q, chat %d with %d messages, draft %q", w.sidebar.create.Text, w.chat, len(w.messages), w.composer.entry.Text)
	}
	w.settings.close()
	w.newChat()
	w.composer.entry.SetText("a first thought")
	if err := w.b.Settings.Update(func(v *app.Values) { v.Language = "en" }); err != nil {
		t.Fatal(err)
	}
	drain(w, f)
	if w.sidebar.create.Text != "New chat" || w.chat != 0 || w.composer.entry.Text != "a first thought" {
		t.Errorf("after the switch back: %q, chat %d, text %q", w.sidebar.create.Text, w.chat, w.composer.entry.Text)
	}
}

// english are settings under which the window speaks English on every machine.
func english() app.Values {
	v := app.Defaults()
	v.Language = "en"
	return v
}
