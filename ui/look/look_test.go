package look

import (
	"image/color"
	"math"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"
)

func TestPalettesAgree(t *testing.T) {
	for name := range lightPalette {
		if _, ok := darkPalette[name]; !ok {
			t.Errorf("the dark palette lacks %s", name)
		}
	}
	for name := range darkPalette {
		if _, ok := lightPalette[name]; !ok {
			t.Errorf("the light palette lacks %s", name)
		}
	}
}

// TestContrast holds text to the contrast that WCAG 2 asks for: 4.5 to 1.
func TestContrast(t *testing.T) {
	for _, mode := range []Mode{Light, Dark} {
		th := NewTheme(mode)
		for _, c := range []struct{ front, back fyne.ThemeColorName }{
			{theme.ColorNameForeground, theme.ColorNameBackground},
			{theme.ColorNameForeground, ColorBubble},
			{theme.ColorNameForeground, ColorSelected},
			{theme.ColorNameForeground, ColorErrorSoft},
			{ColorMuted, theme.ColorNameBackground},
			{ColorMuted, ColorSidebar},
			{ColorMuted, ColorSurface}, {ColorMuted, ColorBubble}, {ColorMuted, ColorSelected}, {ColorMuted, theme.ColorNameButton},
			{theme.ColorNameHyperlink, ColorBubble}, {theme.ColorNameHyperlink, ColorSurface}, {theme.ColorNamePlaceHolder, theme.ColorNameInputBackground},
			{theme.ColorNamePrimary, theme.ColorNameBackground}, {theme.ColorNamePrimary, ColorBubble}, {ColorCodeComment, ColorSurface},
			{theme.ColorNameWarning, theme.ColorNameBackground}, {theme.ColorNameSuccess, theme.ColorNameBackground},
			{theme.ColorNameForegroundOnPrimary, theme.ColorNamePrimary},
			{theme.ColorNameHyperlink, theme.ColorNameBackground},
			{theme.ColorNameError, theme.ColorNameOverlayBackground},
			{theme.ColorNameDisabled, theme.ColorNameOverlayBackground},
			{ColorCodeKeyword, ColorSurface}, {ColorCodeString, ColorSurface}, {ColorCodeNumber, ColorSurface},
			{ColorCodeFunction, ColorSurface}, {ColorCodeType, ColorSurface},
		} {
			if r := contrast(th.Color(c.front, theme.VariantLight), th.Color(c.back, theme.VariantLight)); r < 4.5 {
				t.Errorf("%s: %s on %s has a contrast of %.2f", mode, c.front, c.back, r)
			}
		}
	}
}

// contrast is WCAG 2's ratio of relative luminances.
func contrast(a, b color.Color) float64 {
	l := func(c color.Color) float64 {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		lin := func(v uint8) float64 {
			x := float64(v) / 255
			if x <= 0.03928 {
				return x / 12.92
			}
			return math.Pow((x+0.055)/1.055, 2.4)
		}
		return 0.2126*lin(n.R) + 0.7152*lin(n.G) + 0.0722*lin(n.B)
	}
	x, y := l(a), l(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestModeDecidesVariant(t *testing.T) {
	if NewTheme(Dark).Variant(theme.VariantLight) != theme.VariantDark || NewTheme(Light).Variant(theme.VariantDark) != theme.VariantLight ||
		NewTheme(System).Variant(theme.VariantDark) != theme.VariantDark {
		t.Error("the mode does not decide")
	}
}

func TestButton(t *testing.T) {
	test.NewTempApp(t).Settings().SetTheme(NewTheme(Light))
	pressed := 0
	b := NewButton(IconSend, "Send", Primary, func() { pressed++ })
	test.Tap(b)
	b.TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
	b.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	b.TypedKey(&fyne.KeyEvent{Name: fyne.KeyA})
	if pressed != 3 {
		t.Errorf("pressed %d times, want 3", pressed)
	}
	b.SetEnabled(false)
	test.Tap(b)
	b.TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
	if pressed != 3 {
		t.Error("a disabled button was pressed")
	}
}

// TestIconsDraw draws every icon in two themes: it must leave pixels, in the theme's colour.
func TestIconsDraw(t *testing.T) {
	a := test.NewTempApp(t)
	for _, icon := range []Icon{IconSend, IconStop, IconNew, IconSettings, IconMore, IconCopy, IconCheck, IconRetry,
		IconDown, IconChevron, IconRight, IconModel, IconFolder, IconWarning, IconClose, IconSidebar, IconSelect, IconTaskOpen, IconTaskDone} {
		for _, mode := range []Mode{Light, Dark} {
			a.Settings().SetTheme(NewTheme(mode))
			w := test.NewTempWindow(t, canvas.NewImageFromResource(icon.In(theme.ColorNameForeground)))
			w.SetPadded(false)
			w.Resize(fyne.NewSquareSize(24))
			img := w.Canvas().Capture()
			drawn := 0
			for y := range 24 {
				for x := range 24 {
					if contrast(img.At(x, y), Color(theme.ColorNameBackground)) > 3 {
						drawn++
					}
				}
			}
			if drawn < 10 {
				t.Errorf("%s in %s: %d pixels", icon.name, mode, drawn)
			}
		}
	}
}
