package tex

import (
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// typical are formulas as models write them; each has to be set.
var typical = []string{
	`E = mc^2`,
	`x = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a}`,
	`\sum_{i=1}^{n} i = \frac{n(n+1)}{2}`,
	`\int_{-\infty}^{\infty} e^{-x^2} \, dx = \sqrt{\pi}`,
	`\lim_{x \to 0} \frac{\sin x}{x} = 1`,
	`A = \begin{pmatrix} a & b \\ c & d \end{pmatrix}, \quad \det A = ad - bc`,
	`\begin{bmatrix} 1 & 0 & \cdots & 0 \\ 0 & 1 & \cdots & 0 \\ \vdots & \vdots & \ddots & \vdots \\ 0 & 0 & \cdots & 1 \end{bmatrix}`,
	`f(x) = \begin{cases} x^2 & \text{if } x \ge 0 \\ -x & \text{otherwise} \end{cases}`,
	`\begin{aligned} (a+b)^2 &= a^2 + 2ab + b^2 \\ &= a^2 + b^2 + 2ab \end{aligned}`,
	`\nabla \times \mathbf{E} = -\frac{\partial \mathbf{B}}{\partial t}`,
	`\forall \varepsilon > 0\ \exists \delta > 0 : |x - a| < \delta \implies |f(x) - L| < \varepsilon`,
	`\hat{x} + \bar{y} + \vec{v} + \dot{q} + \ddot{q} + \tilde{n} + \widehat{xyz} + \overline{AB}`,
	`\mathbb{R}^n \subset \mathbb{C}^n, \quad \mathcal{L}\{f\}(s), \quad \mathfrak{g}`,
	`\left( \frac{1}{1 + \frac{1}{x}} \right)^2`,
	`\binom{n}{k} = \frac{n!}{k!(n-k)!}`,
	`P(A \mid B) = \frac{P(B \mid A)\, P(A)}{P(B)}`,
	`\prod_{p \text{ prime}} \frac{1}{1 - p^{-s}} = \zeta(s)`,
	`\oint_{\partial \Sigma} \mathbf{B} \cdot d\boldsymbol{\ell} = \mu_0 I_{\text{enc}}`,
	`\iint_D \left( \frac{\partial Q}{\partial x} - \frac{\partial P}{\partial y} \right) dA`,
	`\sqrt[3]{x^3 + y^3} \neq x + y`,
	`\underbrace{a + a + \cdots + a}_{n \text{ times}} = na`,
	`\overbrace{1 + 2 + \dots + n}^{S_n}`,
	`\operatorname{softmax}(z)_i = \frac{e^{z_i}}{\sum_{j=1}^{K} e^{z_j}}`,
	`\theta^* = \operatorname*{arg\,max}_{\theta} \sum_i \log p_\theta(x_i)`,
	`\alpha, \beta, \gamma, \Gamma, \Delta, \Omega, \varphi, \epsilon, \vartheta`,
	`A \cup B \cap C \setminus D \subseteq E, \quad x \in A, \; y \notin B`,
	`f: X \to Y, \quad x \mapsto f(x)`,
	`\langle \psi | \hat{H} | \psi \rangle = \int \psi^* \hat{H} \psi \, d\tau`,
	`i\hbar \frac{\partial}{\partial t} \Psi(\mathbf{r}, t) = \left[ -\frac{\hbar^2}{2m} \nabla^2 + V \right] \Psi`,
	`a \equiv b \pmod{n}`,
	`\left\{ x \in \mathbb{Z} \;\middle|\; x^2 < 10 \right\}`,
	`\bigl( \Bigl( \biggl( \Biggl( x \Biggr) \biggr) \Bigr) \bigr)`,
	`A \xrightarrow[\text{below}]{\text{above}} B \; \overset{!}{=} \; \underset{x}{\min} \; \stackrel{\text{def}}{=}`,
	`\boxed{x = \tfrac{1}{2}}`,
	`\left. \frac{dy}{dx} \right|_{x=0}`,
	`\begin{gather*} a = b \\ c = d \tag{1} \end{gather*}`,
	`\begin{array}{c|cc} x & 0 & 1 \\ \hline f(x) & 1 & 2 \end{array}`,
	`x_{n+1} = x_n - \frac{f(x_n)}{f'(x_n)}, \quad f''(x)`,
	`\sum_{\substack{0 \le i \le m \\ 0 < j < n}} P(i, j)`,
	`\mathrm{d}x \; \mathsf{T} \; \mathtt{code} \; \mathit{diff} \; \mathscr{F}`,
	`\cos^2\theta + \sin^2\theta = 1`,
	`\text{Attention}(Q, K, V) = \text{softmax}\left(\frac{QK^T}{\sqrt{d_k}}\right)V`,
	`\cancel{x} + \not\in + \neg p \lor q \iff p \Rightarrow q`,
	`\frac{1}{\displaystyle 1 + \frac{1}{\displaystyle 2 + \frac{1}{3 + \dotsb}}}`,
}

// TestTypical sets every typical formula in both styles, and draws it: there has to be ink, inside of the picture.
func TestTypical(t *testing.T) {
	s := NewSetter()
	set := 0
	for _, src := range typical {
		for _, displayed := range []bool{true, false} {
			f, err := s.Set(src, displayed)
			if err != nil {
				t.Errorf("%s: %v", src, err)
				continue
			}
			const em = 20
			w, h := int(f.Width*em)+6, int((f.Height+f.Depth)*em)+6
			p := f.Draw(w, h, em, f.Height*em+3, 3, 0, f.Width+1, color.Black)
			inked, edge := 0, 0
			for y := range h {
				for x := range w {
					if a := p.NRGBAAt(x, y).A; a > 60 {
						inked++
						if x == 0 || y == 0 || x == w-1 || y == h-1 {
							edge++
						}
					}
				}
			}
			if inked < 30 || edge > 0 {
				t.Errorf("%s (displayed: %v): %d pixels, %d at the edge", src, displayed, inked, edge)
			}
		}
		set++
	}
	t.Logf("%d of %d typical formulas are set", set, len(typical))
}

// TestSheet draws all typical formulas on one sheet, for people to look at.
func TestSheet(t *testing.T) {
	dir := os.Getenv("BURBLE_SHOTS")
	if dir == "" {
		t.Skip("BURBLE_SHOTS names no folder")
	}
	s := NewSetter()
	const em = 32
	sheet := image.NewNRGBA(image.Rect(0, 0, 1700, 2300))
	draw.Draw(sheet, sheet.Bounds(), image.White, image.Point{}, draw.Src)
	y, x := 10, 10
	for i, src := range typical {
		f, err := s.Set(src, true)
		if err != nil {
			t.Error(src, err)
			continue
		}
		h := int((f.Height+f.Depth)*em) + 4
		p := f.Draw(int(f.Width*em)+8, h, em, f.Height*em+2, 2, 0, f.Width+1, color.Black)
		draw.Draw(sheet, p.Bounds().Add(image.Pt(x, y)), p, image.Point{}, draw.Over)
		y += h + 22
		if i == len(typical)/2+2 {
			x, y = 860, 10
		}
	}
	f, err := os.Create(filepath.Join(dir, "sheet.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, sheet); err != nil {
		t.Fatal(err)
	}
}
