#!/bin/sh
# make bench: the figures of README.md, measured here. ONLY="speed startup" runs some of them:
#
#   latency   from a line in a log to its score
#   speed     training against sgemm; reading CSV          startup   one row, whole process
#   mnist     reconstruction against PCA                   bmnist    held-out bound, binarised MNIST (10 minutes)
#   anomaly   AUROC and p-values on 20 labelled tables, clean, mixed and without stored rows (an hour)
#   detect    fit and score of 10000 rows of 36 columns
#   fidelity  synthetic tables beside the real ones        impute    filled gaps against random forests
#   augment   boosted trees with more rows than there are  digits    neighbours in 8 latents
#   reduce    categories through 16 latents against PCA    nll      binarised MNIST: conv, one level (15 minutes)
#   deep      the same: two levels, a trained prior (70 minutes)   codes    the same: codes with their prior (30 minutes)
#   labels    MNIST with labels: means, samples, classes, walks (an hour)
#   explain   is the column that was tampered with the first reason
#   fdr       false discoveries over 200 fits (5 minutes)
#   series    a server's metrics and seasonal series, beside usual detectors (an hour)
#   images    bits of 8-bit images, samples beside a plain VAE (two hours)
#   text      molecules, names and odd messages, line by line (an hour)
#   sound     odd sounds against an autoencoder, sound through latents against PCA (an hour)
#   beta      no option set against fixed weights of the KL  line    walks between rows of a table
#
# The data of all but speed, startup and fdr is looked for in $VAE_DATA, the scripts in $VAE_EVAL; absent ones are left out, and
# said so. The scripts of tables run by themselves too: tests/bench/impute.py --help.
set -eu
cd "$(dirname "$0")/../.."
VAE_DATA=${VAE_DATA:-$PWD/../shared/data} VAE_EVAL=${VAE_EVAL:-$PWD/../shared/eval}
ONLY=${ONLY:-speed startup detect latency mnist bmnist anomaly fidelity impute augment digits reduce nll deep codes labels beta line explain fdr series images text sound}
PATH=$BIN:$PATH
export PATH BIN VAE_DATA VAE_EVAL
O=$(cd "$O" && pwd)
tests=$PWD/tests examples=$PWD/examples
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

wanted() {
    case " $ONLY " in *" $1 "*) ;; *) return 1 ;; esac
    printf '\n## %s\n' "$1"
    [ -z "${2:-}" ] || [ -e "$2" ] || { echo "left out: $2 is not there"; return 1; }
}

if wanted speed; then
    "$O/tests/bench/fit_speed"
    "$O/tests/bench/csv_speed"
fi
if wanted startup; then
    vae-fit -q -k diagnosis --steps 200 -m wdbc.vae "$examples/breast_cancer.csv"
    head -n 2 "$examples/breast_cancer.csv" >one.csv
    /usr/bin/python3 "$tests/bench/startup.py" 30 vae-score -m wdbc.vae one.csv
fi
if wanted detect; then
    awk 'BEGIN { srand(1); for (i = 0; i <= 10000; i++) { for (j = 0; j < 12; j++) z[j] = rand() + rand() + rand() - 1.5
        for (j = 0; j < 36; j++) printf "%s%c", i ? z[j % 12] + .5 * z[(j * 7 + 3) % 12] + .3 * rand() : "c" j, j < 35 ? "," : "\n" } }' >wide.csv
    /usr/bin/python3 "$tests/bench/startup.py" 1 vae-fit -q --for detect -m wide.vae wide.csv
    /usr/bin/python3 "$tests/bench/startup.py" 10 vae-score -m wide.vae wide.csv
fi
if wanted latency; then
    vae-fit -q -k diagnosis --for detect -m cells.vae "$examples/breast_cancer.csv"
    /usr/bin/python3 "$tests/bench/latency.py" 200 cells.vae "$examples/breast_cancer.csv"
fi
if wanted mnist "$VAE_DATA/mnist"; then
    /usr/bin/python3 "$tests/bench/mnist.py" "$VAE_DATA/mnist"
fi
if wanted bmnist "$VAE_DATA/binarized_mnist"; then
    b=$VAE_DATA/binarized_mnist
    date +%s >start
    vae-fit -m bmnist.vae --net residual --lik bernoulli "$b/bmnist-train-images-idx3-ubyte.gz" "$b/bmnist-valid-images-idx3-ubyte.gz"
    echo "fit: $(($(date +%s) - $(cat start))) s"
    echo "-ELBO on the test images:"
    vae-score -m bmnist.vae --mean-nll "$b/bmnist-test-images-idx3-ubyte.gz"
fi
# binarised OPTION...: a fit of the training images, and -log p of the test images by K = 1000 draws
binarised() {
    b=$VAE_DATA/binarized_mnist
    date +%s >start
    vae-fit -m b.vae --net conv --lik bernoulli --no-calibrate "$@" "$b/bmnist-train-images-idx3-ubyte.gz"
    echo "fit: $(($(date +%s) - $(cat start))) s"
    vae-score -m b.vae --iw 1000 --mean-nll "$b/bmnist-test-images-idx3-ubyte.gz"
}
if wanted nll "$VAE_DATA/binarized_mnist"; then
    binarised --dropout 0 --lr .002 --hidden 256 --warmup .1 --budget 10m
fi
if wanted deep "$VAE_DATA/binarized_mnist"; then
    binarised --latent ladder -l 40 --prior vamp --hidden 300 --lr .002 --warmup .1 --valid .05 --budget 60m
fi
if wanted codes "$VAE_DATA/binarized_mnist"; then
    binarised --latent fsq --hidden 300 --lr .002 --warmup .1 --valid .05 --budget 30m
fi
if wanted labels "$VAE_DATA/mnist"; then
    /usr/bin/python3 "$tests/bench/labels.py" "$VAE_DATA/mnist"
fi
for s in beta line; do
    if wanted "$s" "$VAE_DATA/wine_quality"; then
        /usr/bin/python3 "$tests/bench/$s.py"
    fi
done
if wanted fdr; then
    /usr/bin/python3 "$tests/bench/fdr.py"
fi
if wanted anomaly "$VAE_EVAL/anomaly.py"; then
    /usr/bin/python3 "$VAE_EVAL/anomaly.py" --peers "$VAE_DATA/adbench"
    /usr/bin/python3 "$VAE_EVAL/anomaly.py" --peers --mode mixed "$VAE_DATA/adbench"
    mkdir bare # the same commands, but fitted without stored rows
    printf '#!/bin/sh\nexec "%s/vae-fit" --no-exemplars "$@"\n' "$BIN" >bare/vae-fit
    chmod +x bare/vae-fit
    ln -s "$BIN/vae-score" bare
    BIN=$PWD/bare /usr/bin/python3 "$VAE_EVAL/anomaly.py" "$VAE_DATA/adbench"
fi
for s in fidelity impute augment digits reduce explain series images text sound; do
    if wanted "$s" "$VAE_DATA"; then
        VAE_BIN=$BIN /usr/bin/python3 "$tests/bench/$s.py"
    fi
done
