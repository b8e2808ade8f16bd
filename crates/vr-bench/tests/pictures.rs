//! Training on pictures of any size: read from files, or drawn, and brought to the network's.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use vr_bench::cells::observer::Silent;
use vr_bench::experiments::{self, Concluded};
use vr_bench::settings::{DataChoice, Settings};
use vr_data::{ImagenetOptions, import_imagenet};

/// The set and its pictures, which stay where they were.
fn set(folder: &Path) -> DataChoice {
    for (class, shade) in [("ant", 1), ("bee", 3), ("cat", 5), ("dog", 7)] {
        for (split, count) in [("train", 8), ("val", 3)] {
            let place = folder.join("pictures").join(split).join(class);
            fs::create_dir_all(&place).unwrap();
            for n in 0..count {
                let (width, height) = (24 + 7 * (n % 3), 30 - 5 * (n % 2));
                let colour = |x: u32, y: u32| Rgb([(x * shade) as u8, (y * 5 + n) as u8, (x * y / shade) as u8]);
                RgbImage::from_fn(width, height, colour).save(place.join(format!("{n}.png"))).unwrap();
            }
        }
    }
    let list = folder.join("list");
    import_imagenet(folder.join("pictures"), &list, ImagenetOptions::default(), &mut |_, _| ()).unwrap();
    DataChoice::named(list.to_str().unwrap())
}

fn settings(data: DataChoice, model: &str) -> Settings {
    let model = model.parse().unwrap();
    Settings { data, model, batch_size: 8, epochs: 2, ..Settings::default() }
}

fn locking(settings: &Settings, out: &Path) -> Concluded {
    experiments::run(experiments::find("locking").unwrap(), settings, out, false, &Silent).unwrap()
}

#[test]
fn a_list_is_trained_on_at_the_networks_size_whatever_is_kept_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let data = set(folder.path());
    assert!(matches!(data, DataChoice::Pictures(_)));
    let settings = settings(data, "lenet:classes=4,picture=3x20x20");
    let run = |name: &str, limit| {
        let settings = Settings { picture_limit: limit, ..settings.clone() };
        locking(&settings, &folder.path().join(name)).result
    };
    let expected = run("none", None);
    assert_eq!((expected.minibatches, expected.data.train_size, expected.data.test_size), (4, 32, 12));
    assert!(expected.points.iter().any(|point| point.ratio.is_some_and(|ratio| ratio > 0.0)));
    for (name, limit) in [("some", Some(20_000)), ("all", Some(1 << 30))] {
        let found = run(name, limit);
        assert_eq!(serde_json::to_string(&found).unwrap(), serde_json::to_string(&expected).unwrap(), "{name}");
    }
}

#[test]
fn classes_are_chosen_before_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let two = Settings {
        classes: Some(2),
        train_size: Some(10),
        ..settings(set(folder.path()), "lenet:classes=2,picture=3x20x20")
    };
    let loaded = two.load().unwrap();
    assert_eq!((loaded.train.class_counts(), loaded.test.class_counts()), (vec![5, 5], vec![3, 3]));
    assert_eq!(loaded.whole, 32);
    assert!(loaded.info.name.contains("2 classes"), "{}", loaded.info.name);
    for (settings, said) in [
        (Settings { classes: Some(5), ..two.clone() }, "5 classes were asked for; the set has 4"),
        (Settings { classes: Some(3), ..two.clone() }, "lenet:classes=3,picture=3x20x20"),
        (Settings { model: "lenet:classes=2,picture=1x20x20".parse().unwrap(), ..two }, "3x20x20"),
    ] {
        let error = settings.load().unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn the_synthetic_set_is_drawn_for_the_networks_size() {
    let folder = tempfile::tempdir().unwrap();
    let model = "lenet:picture=3x24x24";
    let drawn = Settings {
        train_size: Some(16),
        test_size: Some(10),
        classes: Some(10),
        ..settings(DataChoice::Synthetic, model)
    };
    let result = locking(&drawn, &folder.path().join("run")).result;
    assert_eq!((result.minibatches, result.data.name.as_str()), (2, "synthetic (28 px)"));
    // Grey pictures are not drawn, and pictures of CIFAR-10's size are those that always were.
    let grey = Settings { model: "lenet:picture=1x24x24".parse().unwrap(), ..drawn.clone() };
    let refused = grey.load().unwrap_err().to_string();
    assert!(refused.contains("[3, 32, 32]"), "{refused}");
    let usual = Settings { model: "lenet".parse().unwrap(), ..drawn }.load().unwrap();
    assert_eq!((usual.info.name.as_str(), usual.resized), ("synthetic", false));
}

#[test]
fn a_folder_without_a_list_is_no_set_of_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let missing = settings(DataChoice::Pictures(folder.path().into()), "lenet").load().unwrap_err().to_string();
    assert!(missing.contains("pictures.json") && missing.contains("data import"), "{missing}");
}
