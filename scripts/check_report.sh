#!/usr/bin/env bash
# Looks at reports, a comparison and an index in headless Chromium: at the widths of a phone, a tablet and a desk, on the light and
# the dark ground, with the pages' script and without. Finds what reaches over the sides, texts of a contrast below 4.5, and
# figures and tables that do not answer (check_report.js).
#
# Installs chromium where apt-get can; says that it was skipped where it cannot be had. XTASK may name an executable that is
# built already. SCREENSHOTS may name a folder for pictures of the pages.
set -euo pipefail
cd "$(dirname "$0")/.."
skip() { echo "skipped: $*"; exit 0; }
find_chromium() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
if ! find_chromium >/dev/null; then
    apt-get install -y --no-install-recommends chromium >/dev/null 2>&1 || skip "no Chromium"
fi
chromium=$(find_chromium) || skip "no Chromium"
command -v python3 >/dev/null || skip "no python3"

xtask=${XTASK:-cargo xtask}
pages=$(mktemp -d)
trap 'rm -r "$pages"' EXIT
for run in quick-other-seeds variance-ratio-lenet-20 self-tuning-lenet test-error-lenet; do
    $xtask report "docs/results/$run" --out "$pages/$run.html" >/dev/null
done
$xtask compare docs/results/quick docs/results/quick-other-seeds --html "$pages/compare.html" >/dev/null
mkdir -p "$pages/runs/torn"
cp -r docs/results/quick docs/results/locking-lenet "$pages/runs"
echo '{"experiment": ' > "$pages/runs/torn/run.json"
$xtask report "$pages/runs" --out "$pages/index.html" >/dev/null

# Each page with the check in it, and each once more without its own script, in frames of a page that gathers what they tell.
python3 - "$pages" <<'PYTHON'
import json, pathlib, re, sys
folder = pathlib.Path(sys.argv[1])
check = pathlib.Path("scripts/check_report.js").read_text()
looked_at = []
for page in sorted(folder.glob("*.html")):
    whole = page.read_text()
    plain = re.sub(r"<script>.*?</script>", "", whole, flags=re.DOTALL)
    for name, text in [(page.stem, whole), (page.stem + "-without-script", plain)]:
        head, end = text.rsplit("</body>", 1)
        (folder / f"look-{name}.html").write_text(f"{head}<script>{check}</script></body>{end}")
        looked_at += [(f"look-{name}.html", width) for width in (360, 768, 1280)]
(folder / "all.html").write_text(f"""<body><pre>not looked at</pre><script>
const all = {json.dumps(looked_at)}, said = document.querySelector("pre");
said.textContent = "";
const next = () => {{
  if (!all.length) {{ said.append("all looked at"); return; }}
  const [page, width] = all.shift(), frame = document.createElement("iframe");
  addEventListener("message", ({{ data }}) => {{
    said.append(`${{page}} at ${{width}}: ${{data.texts}} texts, ${{data.figures}} figures, ${{data.faults.length}} faults\\n`, ...data.faults.slice(0, 5).map((fault) => `  fault: ${{fault}}\\n`));
    frame.remove();
    next();
  }}, {{ once: true }});
  frame.width = width; frame.height = 900; frame.src = page;
  document.body.append(frame);
}};
next();
</script></body>""")
PYTHON
look() { # SCHEME OPTION…
    "$chromium" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$pages/chromium" \
        --blink-settings=preferredColorScheme="$1" "${@:2}" 2>/dev/null
}
code=0
for scheme in 1 0; do
    ground=$([ $scheme = 1 ] && echo light || echo dark)
    told=$(timeout 300 "$BASH" -c "$(declare -f look); chromium='$chromium' pages='$pages'; look $scheme --virtual-time-budget=120000 --dump-dom 'file://$pages/all.html'" |
        python3 -c 'import html, re, sys; print(html.unescape(re.search(r"<pre>(.*?)</pre>", sys.stdin.read(), re.DOTALL)[1]))')
    echo "$told" | sed "s/^look-/$ground: /"
    case "$told" in *"fault: "*) code=1 ;; *"all looked at"*) ;; *) code=1 ;; esac
    if [ -n "${SCREENSHOTS:-}" ]; then
        mkdir -p "$SCREENSHOTS"
        for page in quick-other-seeds index compare; do
            look $scheme --virtual-time-budget=5000 --window-size=1280,2400 --screenshot="$SCREENSHOTS/$page-$ground.png" "file://$pages/$page.html" || true
        done
    fi
done
[ $code = 0 ] || echo "the pages have faults"
exit $code
