use std::time::Instant;
use tollbridge_tokens::Encoding;
fn main() {
    for e in Encoding::ALL { let t = Instant::now(); e.count(""); println!("load {e:?} {:?}", t.elapsed()); }
    for mix in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&mix).unwrap();
        for e in Encoding::ALL {
            let mut best = f64::MAX; let mut n = 0;
            for _ in 0..7 { let t = Instant::now(); n = e.count(std::hint::black_box(&text)); best = best.min(t.elapsed().as_secs_f64()); }
            let mut enc = f64::MAX;
            for _ in 0..3 { let t = Instant::now(); e.encode(std::hint::black_box(&text)); enc = enc.min(t.elapsed().as_secs_f64()); }
            println!("{mix} {e:?} {:.1} MB/s {n}   encode {:.1}", text.len() as f64 / best / 1e6, text.len() as f64 / enc / 1e6);
        }
    }
}
