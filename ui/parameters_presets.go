package ui

import (
	"bytes"
	"os"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"burble/app"
)

// menu shows what can be done with presets.
func (p *parameters) menu() {
	p.commit()
	x := p.preset
	now := p.w.options().Over(x.Parameters)
	item := func(text string, enabled bool, do func()) *fyne.MenuItem {
		i := fyne.NewMenuItem(text, do)
		i.Disabled = !enabled
		return i
	}
	named := map[string]any{"Name": presetName(x)}
	own := x.ID != 0
	items := []*fyne.MenuItem{
		item(lang.L("Save as a preset…"), true, func() { p.save(now) }),
		item(lang.L("Change “{{.Name}}” to this", named), own && !now.Equal(x.Parameters), func() { p.update(now) }),
		item(lang.L("Use for new chats"), p.w.b.Settings.Get().Preset != x.ID, func() { p.makeDefault(x) }),
		fyne.NewMenuItemSeparator(),
		item(lang.L("Rename…"), own, func() { p.rename(x) }),
		item(lang.L("Duplicate"), own, func() { p.duplicate(x) }),
		item(lang.L("Delete"), own, func() { p.delete(x) }),
		fyne.NewMenuItemSeparator(),
	}
	if info, loaded := p.w.b.Models.Current(); own && x.Model == "" {
		items = append(items, item(lang.L("Always with the model that is loaded"), loaded, func() { p.withModel(x, info.Path) }), fyne.NewMenuItemSeparator())
	} else if own {
		items = append(items, item(lang.L("With any model"), true, func() { p.withModel(x, "") }), fyne.NewMenuItemSeparator())
	}
	items = append(items,
		item(lang.L("Export…"), true, func() { p.export(x) }),
		item(lang.L("Import…"), true, p.importFile))
	at := p.w.app.Driver().AbsolutePositionForObject(p.more).Add(fyne.NewPos(0, p.more.Size().Height))
	widget.ShowPopUpMenuAtPosition(fyne.NewMenu("", items...), p.w.win.Canvas(), at)
}

// save makes a preset of the chat's parameters, under a name that is asked for, and gives it to the chat.
func (p *parameters) save(now app.Parameters) {
	p.ask(lang.L("Save as a preset"), lang.L("Save"), "", func(name string) error {
		x, err := p.w.b.Presets.Create(app.Preset{Name: name, Parameters: now})
		if err != nil {
			return err
		}
		w, chat, before := p.w, p.w.chat, p.w.options()
		if err := w.setOptions(chat, app.ChatOptions{Preset: &x.ID}); err != nil {
			return err
		}
		w.did(lang.L("Saved as the preset {{.Name}}.", map[string]any{"Name": x.Name}), func() error {
			if err := w.b.Presets.Delete(x.ID); err != nil {
				return err
			}
			return w.setOptions(chat, before)
		})
		return nil
	})
}

// ask asks for a preset's name.
func (p *parameters) ask(title, confirm, name string, do func(name string) error) {
	e := newEntry(lang.L("Name"), nil)
	e.SetText(name)
	var d *dialog.ConfirmDialog
	done := func(ok bool) {
		if ok {
			p.w.report(do(e.Text))
		}
		if p.box.Visible() {
			p.w.win.Canvas().Focus(p.chooser)
		}
	}
	d = dialog.NewCustomConfirm(title, confirm, lang.L("Cancel"), container.New(fixedWidth(320), e), done, p.w.win)
	e.OnSubmitted = func(string) { d.Hide(); done(true) }
	e.key = func(k *fyne.KeyEvent) bool {
		if k.Name == fyne.KeyEscape {
			d.Hide()
			return true
		}
		return false
	}
	d.Show()
	p.w.win.Canvas().Focus(e)
}

// update makes the preset what the chat's parameters are.
func (p *parameters) update(now app.Parameters) {
	w, chat, old, before := p.w, p.w.chat, p.preset, p.w.options()
	x := old
	x.Parameters = now
	if err := w.b.Presets.Update(x); err != nil {
		w.report(err)
		return
	}
	w.report(w.setOptions(chat, app.ChatOptions{Preset: before.Preset}))
	w.did(lang.L("The preset {{.Name}} has been changed, for all chats that have it.", map[string]any{"Name": x.Name}), func() error {
		if err := w.b.Presets.Update(old); err != nil {
			return err
		}
		return w.setOptions(chat, before)
	})
}

// makeDefault makes a preset that of new chats.
func (p *parameters) makeDefault(x app.Preset) {
	w, old := p.w, p.w.b.Settings.Get().Preset
	if err := w.b.Presets.SetDefault(x.ID); err != nil {
		w.report(err)
		return
	}
	w.did(lang.L("New chats are now: {{.Name}}.", map[string]any{"Name": presetName(x)}), func() error { return w.b.Presets.SetDefault(old) })
	w.showParameters()
}

func (p *parameters) rename(x app.Preset) {
	p.ask(lang.L("Rename the preset"), lang.L("Rename"), x.Name, func(name string) error {
		if err := p.w.b.Presets.Rename(x.ID, name); err != nil {
			return err
		}
		p.w.did(lang.L("The preset is called {{.Name}} now.", map[string]any{"Name": name}), func() error { return p.w.b.Presets.Rename(x.ID, x.Name) })
		p.w.showParameters()
		return nil
	})
}

func (p *parameters) duplicate(x app.Preset) {
	twin, err := p.w.b.Presets.Duplicate(x.ID, "")
	if err != nil {
		p.w.report(err)
		return
	}
	p.usePreset(twin)
}

// delete removes a preset. The chats that have it use that of new chats meanwhile.
func (p *parameters) delete(x app.Preset) {
	if err := p.w.b.Presets.Delete(x.ID); err != nil {
		p.w.report(err)
		return
	}
	p.w.did(lang.L("The preset {{.Name}} was deleted.", map[string]any{"Name": x.Name}), func() error { return p.w.b.Presets.Restore(x.ID) })
	p.w.showParameters()
}

// withModel has a preset load a model when it is chosen, or none.
func (p *parameters) withModel(x app.Preset, path string) {
	old := x
	x.Model = path
	if err := p.w.b.Presets.Update(x); err != nil {
		p.w.report(err)
		return
	}
	text := lang.L("{{.Name}} now loads this model when it is chosen.", map[string]any{"Name": x.Name})
	if path == "" {
		text = lang.L("{{.Name}} now goes with any model.", map[string]any{"Name": x.Name})
	}
	p.w.did(text, func() error { return p.w.b.Presets.Update(old) })
}

// export writes the preset to a file.
func (p *parameters) export(x app.Preset) {
	p.w.askSave(presetName(x)+".json", func(path string) {
		var b bytes.Buffer
		err := p.w.b.Presets.Export(&b, x.ID)
		if err == nil {
			err = os.WriteFile(path, b.Bytes(), 0o644)
		}
		if err != nil {
			p.w.report(err)
			return
		}
		p.w.toast.show(lang.L("The preset has been written to {{.Path}}.", map[string]any{"Path": path}), "", nil)
	})
}

// importFile reads a preset from a file, and gives it to the chat.
func (p *parameters) importFile() {
	p.w.askOpen([]string{".json"}, func(path string) {
		x, err := p.w.b.Presets.Import(path)
		if err != nil {
			p.w.report(err)
			return
		}
		p.usePreset(x)
	})
}
