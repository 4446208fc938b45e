use byway_compile::*;
fn walk(d: &std::path::Path, out: &mut Vec<std::path::PathBuf>) {
    for e in std::fs::read_dir(d).into_iter().flatten().flatten() {
        let p = e.path();
        if p.is_dir() {
            if p.file_name().unwrap() != "node_modules" {
                walk(&p, out)
            }
        } else {
            out.push(p)
        }
    }
}
#[tokio::test]
async fn probe() {
    for dir in std::env::var("PROBE").unwrap_or_default().split(':').filter(|it| !it.is_empty()) {
        let root = std::path::PathBuf::from(dir);
        let mut files = vec![];
        walk(&root, &mut files);
        files.sort();
        let routes: Vec<SourceRoute> = files
            .iter()
            .filter_map(|f| {
                let r = f.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                let app = f.file_stem().unwrap() == "route";
                let pages = r.starts_with("pages/api/") || r.starts_with("src/pages/api/");
                (app || pages).then(|| SourceRoute {
                    path: r.clone(),
                    pattern: byway_routes::pattern::Pattern { segments: vec![] },
                    file: r,
                    kind: if app {
                        byway_routes::manifest::RouteKind::App
                    } else {
                        byway_routes::manifest::RouteKind::Pages
                    },
                })
            })
            .collect();
        let tsconfig = ["tsconfig.json", "jsconfig.json"]
            .map(|n| root.join(n))
            .into_iter()
            .find(|p| p.exists());
        for _ in 0..2 {
            let t = std::time::Instant::now();
            let r = build(BuildInput {
                project_dir: root.clone(),
                out_dir: root.join(".byway"),
                routes: routes.clone(),
                instrumentation: None,
                tsconfig: tsconfig.clone(),
                transpile_packages: vec![],
                production: true,
            })
            .await;
            eprintln!("{dir}: {} routes {:?}", routes.len(), t.elapsed());
            match r {
                Ok(o) => {
                    for w in o.warnings {
                        eprintln!("{w}")
                    }
                }
                Err(BuildError::Project(f)) => {
                    for w in f {
                        eprintln!("{w}")
                    }
                }
                Err(e) => eprintln!("{e}"),
            }
        }
    }
}
