package ui

import (
	"encoding/json"
	"fmt"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
	"golang.org/x/text/language"

	"burble/app"
	"burble/app/remote"
	"burble/assets"
	"burble/inference"
)

// languages are those that the window speaks, the one to fall back on first, with their names in themselves. A language
// more is a file in assets/translation and a row here and in app.Languages.
func languages() (tags []language.Tag, names []string) {
	return []language.Tag{language.English, language.German, language.Chinese}, []string{"English", "Deutsch", "中文"}
}

// setLanguage makes all text that is written from now on that of a language. The one of the system falls back on English.
//
// Fyne follows the system's language and has no way to choose another. So the texts of the chosen one, which include those of
// Fyne's own dialogs, are registered as the translation into the system's language.
func setLanguage(choice string) error {
	tags, _ := languages()
	system := lang.SystemLocale()
	if choice == app.LanguageSystem {
		wanted, err := language.Parse(system.LanguageString())
		if err != nil {
			wanted = language.English
		}
		_, i, confidence := language.NewMatcher(tags).Match(wanted)
		if confidence == language.No {
			i = 0
		}
		choice = tags[i].String()
	}
	data, err := translation(choice)
	if err != nil {
		return fmt.Errorf("the language %q can't be used: %w", choice, err)
	}
	return lang.AddTranslationsForLocale(data, fyne.Locale(system.LanguageString()))
}

// translation returns a language's texts. Those with plural forms get all forms that any language has, because Fyne chooses the
// form by the system's language.
func translation(tag string) ([]byte, error) {
	data, err := assets.Translations.ReadFile("translation/" + tag + ".json")
	if err != nil {
		return nil, err
	}
	var texts map[string]any
	if err := json.Unmarshal(data, &texts); err != nil {
		return nil, err
	}
	for _, text := range texts {
		forms, ok := text.(map[string]any)
		if !ok {
			continue
		}
		for _, form := range []string{"zero", "one", "two", "few", "many"} {
			if forms[form] == nil {
				forms[form] = forms["other"]
			}
		}
	}
	return json.Marshal(texts)
}

// rebuild makes the window anew in the language that is set now. The chat, what is written and open stay.
func (w *window) rebuild() {
	shown, open, width := w.chat, w.frame.open, w.frame.width
	w.leaveChat()
	typed := w.composer.entry.Text // of a new chat
	settings := w.settings != nil
	if settings {
		w.settings.close()
	}
	if w.picker != nil {
		w.picker.close()
	}
	if p := w.openedPanel(); p != nil {
		p.close()
	}
	w.chat = 0
	w.build()
	w.frame.open, w.frame.width = open, width
	if shown != 0 {
		w.openChat(shown)
	} else {
		w.composer.entry.SetText(typed)
	}
	if settings {
		w.openSettings()
	}
	w.root.Refresh()
}

// weekday names a day.
func weekday(t time.Time) string {
	return [...]string{lang.L("Sunday"), lang.L("Monday"), lang.L("Tuesday"), lang.L("Wednesday"), lang.L("Thursday"),
		lang.L("Friday"), lang.L("Saturday")}[t.Weekday()]
}

// month names a month.
func month(t time.Time) string {
	return [...]string{lang.L("January"), lang.L("February"), lang.L("March"), lang.L("April"), lang.X("May (month)", "May"), lang.L("June"),
		lang.L("July"), lang.L("August"), lang.L("September"), lang.L("October"), lang.L("November"), lang.L("December")}[t.Month()-1]
}

// shortMonth abbreviates a month.
func shortMonth(t time.Time) string {
	return [...]string{lang.L("Jan"), lang.L("Feb"), lang.L("Mar"), lang.L("Apr"), lang.X("May (short)", "May"), lang.L("Jun"),
		lang.L("Jul"), lang.L("Aug"), lang.L("Sep"), lang.L("Oct"), lang.L("Nov"), lang.L("Dec")}[t.Month()-1]
}

// stageText names what a load is doing.
func stageText(s inference.Stage) string {
	switch s {
	case inference.StageOpen:
		return lang.L("opening")
	case inference.StageRead:
		return lang.L("reading weights")
	case inference.StageUpload:
		return lang.L("uploading weights")
	case inference.StageCompile:
		return lang.L("compiling kernels")
	case inference.StageTest:
		return lang.L("testing kernels")
	case inference.StageWarm:
		return lang.L("warming up")
	case remote.StageConnect:
		return lang.L("asking the server")
	case remote.StageServer:
		return lang.L("waiting for the server to load its model")
	}
	return string(s)
}
