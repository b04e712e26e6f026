//! How the page looks: dark on white, the system's own fonts, greys that a printer without
//! colour keeps apart.

pub(super) const CSS: &str = r#"
:root{--ink:#14181d;--soft:#4a535e;--line:#b9c1ca;--pale:#f2f4f7;--deep:#1f3a5f;--burnt:#8f2413}
*{box-sizing:border-box}
html{background:#fff;color:var(--ink);-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:62rem;padding:1.5rem 1.25rem 3rem;
 font:16px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Noto Nastaliq Urdu","Liberation Sans",Arial,sans-serif;
 font-variant-numeric:tabular-nums}
h1{font-size:1.9rem;line-height:1.15;margin:.1rem 0 .3rem}
h2{font-size:1.25rem;margin:0 0 .6rem;padding-bottom:.25rem;border-bottom:2px solid var(--ink)}
h3{font-size:1.02rem;margin:1.4rem 0 .35rem}
p{margin:.4rem 0 .7rem}
section{margin-top:2.1rem}
header{border-bottom:4px solid var(--deep);padding-bottom:.7rem}
.room{margin:0;font-weight:600;color:var(--deep);letter-spacing:.01em}
.span{font-size:1.1rem;margin:.1rem 0 .7rem}
.about{display:flex;flex-wrap:wrap;gap:.15rem 1.4rem;margin:0;font-size:.86rem}
.about div{display:flex;gap:.4rem}
.about dt{font-weight:600;color:var(--soft);white-space:nowrap}
.about dd{margin:0;overflow-wrap:anywhere}
code{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;font-size:.92em}
code.long{overflow-wrap:anywhere}
.lead{font-size:1.12rem;max-width:48rem}
.small,.notes{font-size:.88rem;color:var(--soft)}
.notes b{color:var(--ink)}
.notes ul{padding-left:1.1rem;margin:.3rem 0}
.notes li{margin:.2rem 0}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:.7rem;margin:.9rem 0}
.tile{border:1px solid var(--line);border-left:5px solid var(--deep);padding:.5rem .7rem}
.tile dt{font-size:.88rem;color:var(--soft);font-weight:600}
.tile dd{margin:0}
.tile strong{display:block;font-size:1.75rem;line-height:1.2}
.tile span{font-size:.88rem}
.scroll{overflow-x:auto;margin:.3rem 0 .8rem}
table{border-collapse:collapse;width:100%;font-size:.88rem}
caption{text-align:left;font-weight:600;padding:0 0 .35rem}
caption span{font-weight:400;color:var(--soft)}
th,td{padding:.26rem .45rem;text-align:right;vertical-align:baseline;border-bottom:1px solid var(--line)}
thead th{border-bottom:1.5px solid var(--ink);vertical-align:bottom;font-weight:600}
th:first-child,td:first-child,.l{text-align:left}
tbody th{font-weight:500}
tfoot th,tfoot td{border-top:1.5px solid var(--ink);border-bottom:none;font-weight:600}
.n{white-space:nowrap}
.bad{font-weight:700;color:var(--burnt)}
.bar{width:5.6rem;max-width:5.6rem;padding-right:0}
.bar svg{display:block;width:5.2rem;height:.72rem}
svg{display:block;max-width:100%}
svg text{fill:var(--ink);font-size:11px}
svg .s{font-size:9.5px}
svg .b{font-weight:700}
.chart svg{width:100%;height:auto}
.in{fill:#b5cadf;stroke:#3d5876}
.late{fill:#8f2413;stroke:#5f150a}
.none{fill:url(#hatch);stroke:#14181d;stroke-width:1.3}
.open{fill:#fff;stroke:#4a535e;stroke-dasharray:3 2}
.axis{stroke:#4a535e;fill:none}
.grid{stroke:#d9dee4;fill:none}
.mark{stroke:#14181d;stroke-width:2;fill:none}
.week td,.week th{padding:.22rem .16rem;text-align:center;font-size:.8rem}
.week th:first-child{text-align:left;white-space:nowrap;padding-right:.5rem}
.week .shift{border-left:2px solid var(--ink)}
.c1{background:#edf2f7}.c2{background:#d8e3ee}.c3{background:#bdd0e2}.c4{background:#9fbad4}
.m1{background:#fbede9}.m2{background:#f4d4cb}.m3{background:#ebb5a6}.m4{background:#df9380}
.m3,.m4,.c4{font-weight:600}
.w,.z{color:var(--soft)}
.nw th:first-child{white-space:nowrap}
.groups th:first-child{min-width:8.6rem}
.groups th{hyphens:none}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:0 1.6rem}
.stories tbody{border-bottom:1.5px solid var(--soft)}
.stories td,.stories th{text-align:left;vertical-align:top}
.stories tbody th{font-weight:600}
.stories td.r{text-align:right}
.stories small{display:block;font-weight:400;color:var(--soft);font-size:.92em}
@media (max-width:46rem){
 body{padding:1rem .8rem 2rem}
 h1{font-size:1.6rem}
 .tiles{grid-template-columns:1fr 1fr}
 .pair{grid-template-columns:1fr}
 .chart svg{min-width:40rem}
 .scroll table{min-width:34rem}
 .scroll.wide table{min-width:50rem}
}
@page{size:A4;margin:14mm 12mm 15mm;
 @bottom-right{content:counter(page) " / " counter(pages);font:8pt system-ui,"Liberation Sans",Arial,sans-serif;color:#4a535e}
 @bottom-left{content:"Response report";font:8pt system-ui,"Liberation Sans",Arial,sans-serif;color:#4a535e}}
@media print{
 *{-webkit-print-color-adjust:exact;print-color-adjust:exact}
 body{max-width:none;padding:0;font-size:9.5pt;line-height:1.35}
 h1{font-size:20pt}
 h2{font-size:13pt;margin-bottom:2mm}
 h3{margin:3mm 0 0}
 .lead{font-size:11pt}
 .tile{padding:1.2mm 2.5mm}
 .tile strong{font-size:17pt}
 section{margin-top:5mm}
 .scroll{margin:1mm 0 2mm}
 h2,h3,caption{break-after:avoid;page-break-after:avoid}
 tr,.tile,figure,.chart,.keep{break-inside:avoid;page-break-inside:avoid}
 .stories tbody{break-inside:avoid;page-break-inside:avoid}
 thead{display:table-header-group}
 tfoot{display:table-row-group}
 .scroll{overflow:visible}
 .page{break-before:page;page-break-before:always}
 p,li{orphans:3;widows:3}
 table{font-size:8.4pt}
 th,td{padding:.16rem .4rem}
 .week td,.week th{font-size:7.4pt;padding:.15rem .05rem}
}
"#;
