package ui

import (
	"strconv"

	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"

	"burble/app"
	"burble/ui/look"
)

// general is the page about the window.
func (s *settingsDialog) general() {
	s.section(lang.L("Appearance"))
	choice(s, lang.L("Theme"), lang.L("System follows the desktop."), []string{lang.L("System"), lang.L("Light"), lang.L("Dark")},
		[]app.Theme{app.ThemeSystem, app.ThemeLight, app.ThemeDark}, func(v *app.Values) *app.Theme { return &v.Theme })
	s.size()
	_, names := languages()
	choice(s, lang.L("Language"), lang.L("Of the window. Models answer in any language they know."), append([]string{lang.L("System")}, names...), app.Languages(),
		func(v *app.Values) *string { return &v.Language })

	s.section(lang.L("Behaviour"))
	s.check(lang.L("Open the last model at start"), lang.L("Off: Burble starts without a model and uses no memory for one."), func(v *app.Values) *bool { return &v.OpenLastModel })
	s.check(lang.L("Notifications"), lang.L("When a long answer or a download ends while you are in another window."), func(v *app.Values) *bool { return &v.Notifications })
	s.check(lang.L("Icon in the tray"), lang.L("Closing the window then leaves Burble running, with the model loaded. The icon comes with the next start."), func(v *app.Values) *bool { return &v.TrayIcon })
}

// fontSizes are the steps of the font size.
func fontSizes() []float64 { return []float64{0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.5, 1.8, 2, 2.5, 3} }

// size adds the setting of how large everything is.
func (s *settingsDialog) size() {
	sizes := fontSizes()
	labels := make([]string, len(sizes))
	for i, f := range sizes {
		labels[i] = percent(f)
	}
	c := newKeySelect(labels, s.escapeKey)
	set := setting(s, lang.L("Font size"), lang.L("And of all controls with it."), filledSelect(c), func(v *app.Values) *float64 { return &v.FontScale },
		func(f float64) {
			if t := percent(f); t != c.Selected {
				c.Selected = t // may be one from a file, which the list lacks
				c.Refresh()
			}
		})
	c.OnChanged = func(string) {
		if i := c.SelectedIndex(); i >= 0 {
			set(sizes[i])
		}
	}
}

// answers is the page about what models are told and how words are drawn.
func (s *settingsDialog) answers() {
	s.longText(lang.L("System prompt"), lang.L("Told to the model before every conversation."), lang.L("You are a helpful assistant."), func(v *app.Values) *string { return &v.SystemPrompt })
	s.number(lang.L("Longest answer"), lang.L("In tokens. 0: as long as the context allows."), func(v *app.Values) *int { return &v.MaxTokens })
	choice(s, lang.L("When the context is full"), lang.L("A conversation that has become too long for the model."), overflowNames(),
		app.Overflows(), func(v *app.Values) *string { return &v.Overflow })

	s.check(lang.L("Titles by the model"), lang.L("It gives new chats a better title than their first words, when it has nothing else to do."), func(v *app.Values) *bool { return &v.AutoTitles })

	s.section(lang.L("Sampling"))
	if x, err := s.w.b.Presets.Get(s.w.b.Settings.Get().Preset); err == nil && x.ID != 0 {
		s.paragraph(lang.L("New chats have the preset {{.Name}}, which goes before what is set here. The parameters of a chat (Ctrl+P) say which it has.", map[string]any{"Name": x.Name}))
	}
	s.slider(lang.L("Temperature"), lang.L("0 always takes the likeliest word; higher values vary more."), 0, 2, 0.05, func(v *app.Values) *float32 { return &v.Sampling.Temperature })
	s.number(lang.L("Top-k"), lang.L("Only the k likeliest words are drawn from. 0: all."), func(v *app.Values) *int { return &v.Sampling.TopK })
	s.slider(lang.L("Top-p"), lang.L("Only the likeliest words that make up this share. 1: all."), 0, 1, 0.01, func(v *app.Values) *float32 { return &v.Sampling.TopP })
	s.slider(lang.L("Min-p"), lang.L("No words less likely than this share of the likeliest. 0: all."), 0, 0.5, 0.01, func(v *app.Values) *float32 { return &v.Sampling.MinP })
	s.slider(lang.L("Repetition penalty"), lang.L("Above 1 discourages words that were used already."), 1, 2, 0.01, func(v *app.Values) *float32 { return &v.Sampling.RepeatPenalty })
	written(s, newEntry("", nil), lang.L("Seed"), lang.L("The same seed gives the same answer. Empty: a new one each time."), func(v *app.Values) **uint64 { return &v.Sampling.Seed },
		func(n *uint64) string {
			if n == nil {
				return ""
			}
			return strconv.FormatUint(*n, 10)
		},
		func(t string) (*uint64, error) {
			if t == "" {
				return nil, nil
			}
			n, err := strconv.ParseUint(t, 10, 64)
			if err != nil {
				return nil, errorText(lang.L("A seed is a whole number from 0 on"))
			}
			return &n, nil
		})
}

// models is the page about where models are.
func (s *settingsDialog) models() {
	s.text(lang.L("Models folder"), lang.L("Where Burble looks for GGUF files. Empty: its own folder."), func(v *app.Values) *string { return &v.ModelsFolder })
	s.serverRows()
}

// hardware is the page about what a model runs on.
func (s *settingsDialog) hardware() {
	if m, ok := s.w.b.Models.Current(); ok && m.Server != "" {
		s.paragraph(lang.L("The open model runs on {{.Server}}: what follows is for models on this machine.", map[string]any{"Server": m.Server}))
	}
	s.devices()
	s.number(lang.L("Context size"), lang.L("In tokens. 0: chosen to fit. Counts when a model is loaded."), func(v *app.Values) *int { return &v.Context })
	choice(s, lang.L("KV cache"), lang.L("Smaller types hold longer conversations in the same memory. Counts when a model is loaded."),
		[]string{lang.L("F16 (usual)"), lang.L("F32 (exact, twice the memory)"), "BF16", lang.L("Q8_0 (half the memory)"), lang.L("Q4_0 (a quarter, less exact)")}, app.KVTypes(),
		func(v *app.Values) *string { return &v.KVType })
	s.number(lang.L("Threads"), lang.L("Of the processor. 0: chosen for this machine."), func(v *app.Values) *int { return &v.Threads })
	s.number(lang.L("Guessed tokens"), lang.L("How many tokens are guessed at a time from what was said before, and checked together. 0: none."), func(v *app.Values) *int { return &v.Lookup })

	s.section(lang.L("Graphics card"))
	s.number(lang.L("Layers on the GPU"), lang.L("0: as many as fit. Counts when a model is loaded."), func(v *app.Values) *int { return &v.GPULayers })
	s.number(lang.L("Release the GPU"), lang.L("After so many minutes without use. 0: never."), func(v *app.Values) *int { return &v.GPUIdle })
}

// privacy is the page about what leaves the machine: nothing.
func (s *settingsDialog) privacy() {
	s.paragraph(lang.L("Burble has no telemetry. It counts nothing, reports nothing and asks no server whether there is a newer version."))
	s.check(lang.L("Offline"), lang.L("Never open a network connection."), func(v *app.Values) *bool { return &v.Offline })
	s.row(lang.L("Token for Hugging Face"), lang.L("For models whose terms must be accepted before they are downloaded."),
		container.NewHBox(look.NewButton(look.Icon{}, lang.L("Change…"), look.Soft, func() { s.w.askToken(nil) })))
	s.paragraph(lang.L("Chats, settings and crash reports are files on this machine. Models run here, too: what you write leaves the machine only where you connect Burble to a server yourself."))
}
