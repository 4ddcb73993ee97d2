package chat

import (
	"strings"
	"testing"
)

func TestSwitches(t *testing.T) {
	const turn = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
	for _, c := range []struct {
		name, source   string
		toggle, effort bool
	}{
		{"none", turn, false, false},
		{"mentioned only", turn + "{# enable_thinking #}<think>", false, false},
		{"a switch", turn + "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}", true, false},
		{"grades", "effort: {{ reasoning_effort | default('medium') }}" + turn, true, true},
		{"grades of which one is refused", turn + "{% if reasoning_effort is defined and reasoning_effort not in ['none', 'high'] %}" +
			"{{ raise_exception('no') }}{% endif %}{% if reasoning_effort == 'high' %}[THINK]{% endif %}", false, false},
	} {
		m, _, err := NewTemplate(c.source, "", "")
		if err != nil {
			t.Fatal(err)
		}
		if m.HasSwitch() != c.toggle || m.HasEffort() != c.effort {
			t.Errorf("%s: switch %v, effort %v", c.name, m.HasSwitch(), m.HasEffort())
		}
		text, warning, err := m.Render([]Message{{Role: User, Content: "Hi"}}, RenderOptions{Effort: "high"})
		if err != nil || warning != "" || strings.Contains(text, "effort: high") != c.effort {
			t.Errorf("%s: %q, %s, %v", c.name, text, warning, err)
		}
	}
}
