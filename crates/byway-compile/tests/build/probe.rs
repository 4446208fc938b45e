use crate::fixture::Project;
#[tokio::test]
async fn probe() {
    let mut project = Project::new();
    project.file("lib/m.ts", "import fs from 'fs'; export class Foo { static x = fs; }\nexport const m = () => { class Foo {} return new Foo(); };\n");
    project.file("lib/n.ts", "export class Foo {}\nexport function helper() { return Foo; }\n");
    for n in ["a", "b"] {
        project.route(&format!("app/{n}/route.ts"), "import { m, Foo } from '../../lib/m';\nimport * as n from '../../lib/n';\nimport { cookies } from 'next/headers';\n/** Doc. */\nexport async function GET(request: Request) {\n  // a comment\n  return [m(), Foo, n.helper(), cookies()];\n}\n");
    }
    project.build().await;
    let _ = std::process::Command::new("cp").args(["-r", &project.root().join(".byway").display().to_string(), "/tmp/bcp/"]).status();
}
