"""Anomalies in series of time: a server's metrics (smd) and single series with seasons (nab), through the command line, beside
what anyone would try first. Options of vae-fit in $FIT.

smd   Fitted to the training part, windows of --window rows; each row of the test part gets the score of the window that ends
      there. AUROC per row; F1 at the threshold that the model set itself from the training part, at the same alpha for all (no
      labels, no point adjustment). Rivals see the same windows (and rows alone), standardised by the training part: PCA with
      95 % of the variance, squared error; an isolation forest; 5-NN. Four fifths of the windows are fitted, the last fifth sets
      the threshold.
nab   Each series with labels is fitted as it is, all of it, without labels, as one would look back over a month; the rival is
      the seasonal z-score |x - mean| / sd of the rows of the same hour of the day (of the week, where there are three or more),
      of the same rows. The time is a clock (hour and weekday), which is the season; --lags asks for windows, which blur single rows
      among those around. Rows above a threshold are one alarm where they are less than 12 hours apart; it is false where none of its
      rows is in a labelled window. Told is the share of labelled windows with an alarm in them, at each series' lowest threshold
      with at most one false alarm for each week of its unlabelled rows (at least one in all)."""
import os

import numpy as np
import pandas as pd

import tables

SPAN = np.timedelta64(12, "h")


def vae(a, name, train, test, *args):
    """Scores and verdicts of `test` by a model of `train`, and the seconds that took."""
    model, out = os.path.join(a.work, name + ".vae"), os.path.join(a.work, name + ".scores")
    fit = tables.fit(a, model, "--for", "detect", *args, train)
    score = tables.run("vae-score", "-q", "-m", model, test, out=out)
    return pd.read_csv(out), fit[0], score[0]


def f1(y, alarm):
    return 2 * (y & alarm).sum() / max(1, y.sum() + alarm.sum())


def smd(a):
    from sklearn.decomposition import PCA
    from sklearn.ensemble import IsolationForest
    from sklearn.metrics import roc_auc_score
    from sklearn.neighbors import NearestNeighbors
    train, test = (pd.read_csv(tables.path(f"smd/machine-1-2-{part}")) for part in ("train", "test"))
    y = test.pop("label").to_numpy() == 1
    files = [tables.write(d, os.path.join(a.work, f"smd-{i}.csv")) for i, d in enumerate((train, test))]
    s, fit, score = vae(a, "smd", *files, "--window", str(a.window))
    known = s.score.notna().to_numpy()
    anomaly = s.anomaly.to_numpy() == 1
    print(f"smd   rows {len(y)}, anomalous {y.mean():.4f}; windows of {a.window}; fit {fit:.0f} s, score {score:.0f} s")
    print(f"  vae            AUROC {roc_auc_score(y[known], s.score[known]):.4f}   F1 {f1(y, anomaly):.4f}   alarms {anomaly.mean():.4f}")
    for n in (a.window, 1):
        x, z = (np.hstack([d.to_numpy()[i:len(d) - n + 1 + i] for i in range(n)]) for d in (train, test))
        mean, sd = x.mean(0), x.std(0)
        x, z = (np.clip((v - mean) / np.where(sd > 1e-9, sd, 1), -1e3, 1e3) for v in (x, z))
        cut, yn = len(x) * 4 // 5, y[n - 1:]
        pca = PCA(.95, svd_solver="full").fit(x[:cut])
        forest = IsolationForest(random_state=a.seed).fit(x[:cut])
        near = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(x[:cut:4])
        for name, by in (("PCA", lambda v: ((v - pca.inverse_transform(pca.transform(v))) ** 2).sum(1)),
                         ("forest", lambda v: -forest.score_samples(v)), ("5-NN", lambda v: near.kneighbors(v)[0].mean(1))):
            cal, got = by(x[cut:]), by(z)
            alarm = got > np.quantile(cal, 1 - .001)
            print(f"  {name:6} of {n:3}   AUROC {roc_auc_score(yn, got):.4f}   F1 {f1(yn, alarm):.4f}   alarms {alarm.mean():.4f}")


def alarms(when, rows):
    """Rows in alarms: lists of their numbers."""
    at = np.flatnonzero(rows)
    return np.split(at, 1 + np.flatnonzero(np.diff(when[at]) >= SPAN)) if len(at) else []


def found(when, label, score):
    """The share of labelled windows that the best threshold allowed finds."""
    edge = np.flatnonzero(np.diff(np.concatenate([[0], label, [0]])))
    windows = list(zip(edge[::2], edge[1::2]))
    step = np.median(np.diff(when))
    allowed = max(1, int((label == 0).sum() * step / np.timedelta64(7, "D")))
    best = 0
    score = np.where(np.isnan(score), -np.inf, score)
    for t in np.unique(np.quantile(score[np.isfinite(score)], 1 - np.geomspace(1e-4, .3, 200))):
        rows = score >= t
        false = sum(not label[a].any() for a in alarms(when, rows))
        if false <= allowed:
            best = max(best, sum(rows[i:j].any() for i, j in windows))
    return best, len(windows)


def seasonal(when, x):
    weeks = (when[-1] - when[0]) / np.timedelta64(7, "D")
    t = pd.to_datetime(pd.Series(when))
    season = t.dt.hour + (24 * t.dt.dayofweek if weeks >= 3 else 0)
    g = pd.Series(x).groupby(season)
    return ((pd.Series(x) - g.transform("mean")).abs() / g.transform("std").clip(lower=1e-9)).to_numpy()


def nab(a):
    hits, total = np.zeros(2), 0
    print("nab   windows found: vae, seasonal z-score, of")
    root = os.path.join(tables.DATA, "nab")
    for group in sorted(os.listdir(root)):
        folder = os.path.join(root, group)
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            d = pd.read_csv(os.path.join(folder, name))
            if not d.label.any():
                continue
            when, label = pd.to_datetime(d.timestamp).to_numpy(), d.label.to_numpy()
            file = tables.write(d[["timestamp", "value"]], os.path.join(a.work, "nab.csv"))
            s, _, _ = vae(a, "nab", file, file, "--window", str(a.lags), "--no-calibrate", "--steps", str(a.steps))
            one, n = found(when, label, s.score.to_numpy())
            two, _ = found(when, label, seasonal(when, d.value.to_numpy()))
            hits, total = hits + (one, two), total + n
            print(f"  {name[:-7]:40} {one} {two} of {n}", flush=True)
    print(f"  share {hits[0] / total:.3f} {hits[1] / total:.3f} of {total}")


if __name__ == "__main__":
    a = tables.options(__doc__, window=(10, "rows of a window of smd"), lags=(1, "and of nab"), steps=(500, "of the fits of nab"),
                       data=("smd,nab", "which of the two"))
    tables.have(tables.path("smd/machine-1-2-train"), os.path.join(tables.DATA, "nab"))
    for which in a.data.split(","):
        {"smd": smd, "nab": nab}[which](a)
