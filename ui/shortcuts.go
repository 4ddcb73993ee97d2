package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
)

// showShortcuts shows all keys, by groups.
func (w *window) showShortcuts() {
	title := widget.NewLabelWithStyle(lang.L("Keyboard shortcuts"), fyne.TextAlignLeading, fyne.TextStyle{Bold: true})
	title.SizeName = theme.SizeNameSubHeadingText
	var p *panel
	shut := look.NewIconButton(look.IconClose, func() { p.close() })
	shut.OnKey = func(k *fyne.KeyEvent) {
		if k.Name == fyne.KeyEscape {
			p.close()
		}
	}
	groups := append(w.commands(), writingKeys())
	columns := [2]*fyne.Container{}
	for i := range columns {
		columns[i] = container.New(layout.NewCustomPaddedVBoxLayout(0))
	}
	heights := [2]int{}
	for _, g := range groups {
		column := 0
		if heights[1] < heights[0] {
			column = 1
		}
		name := widget.NewLabel(g.name)
		name.TextStyle, name.Importance = fyne.TextStyle{Bold: true}, widget.LowImportance
		columns[column].Add(container.New(layout.NewCustomPaddedLayout(6, 0, 0, 0), name))
		heights[column]++
		for _, c := range g.commands {
			if c.key != "" {
				columns[column].Add(shortcutRow(c))
				heights[column]++
			}
		}
	}
	var body fyne.CanvasObject = container.New(layout.NewGridLayout(2), container.New(layout.NewCustomPaddedLayout(0, 0, 0, 14), columns[0]), columns[1])
	size := fyne.NewSize(780, 480)
	if w.win.Canvas().Size().Width < narrowSettings {
		body = container.NewVBox(columns[0], columns[1])
		size.Width = 420
	}
	scroll := container.NewVScroll(container.New(layout.NewCustomPaddedLayout(0, 4, 0, 12), body))
	p = w.openPanel(fyne.KeySlash, container.NewBorder(container.NewBorder(nil, nil, nil, shut, title), nil, nil, nil, scroll), size)
	w.win.Canvas().Focus(shut)
}

// shortcutRow is a command with its key.
func shortcutRow(c command) fyne.CanvasObject {
	name := widget.NewLabel(c.name)
	key := canvas.NewText(c.keyText(), look.Color(theme.ColorNameForeground))
	key.TextSize = 12
	cap := canvas.NewRectangle(look.Color(look.ColorSurface))
	cap.StrokeColor, cap.StrokeWidth, cap.CornerRadius = look.Color(look.ColorBorder), 1, 6
	return container.NewBorder(nil, nil, nil,
		container.NewCenter(container.NewStack(cap, container.New(layout.NewCustomPaddedLayout(3, 3, 8, 8), key))), name)
}
