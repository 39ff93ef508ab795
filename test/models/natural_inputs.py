#!/usr/bin/env python3
"""Natural inputs for models whose recorded data is too little to calibrate with: windows of speech and singing for
basic_pitch_nmp, Indonesian words for g2p_bert_pron.

    natural_inputs.py DATASETS FOLDER
"""
import pathlib
import sys
import wave

import numpy as np

WINDOW, RATE = 43844, 22050

# Words whose 'e' is to be pronounced one way or the other; the model sees a mask in its place.
WORDS = """
bebas beban beberapa beda bekal bekerja belah belajar belakang belanja belas beli belok belum benang benar bencana benda
bendera bengkel benih bentuk berani beras berat berdiri berhenti beri beringin berita berjalan berkas berlari bermain
berseri bersih bertanya bertemu beruang besar besi besok betina betul cegah cekatan celah celana cemara cendana cengkeh
cepat cerah cerdas cerita cermin dekat delapan demam demi dengan dengar depan deras derita desa dewa dewan dewasa ekor
elang emas empat enak enam encer energi gedung gelang gelap gelas gelombang gembira gempa gemuk generasi gerak gerbang
gereja gergaji gesit hebat hemat hewan jelas jemput jenis jenuh jepang jeruk kebun kecap kecil kedelai kejar kelapa kelas
keliling keluar keluarga kemarin kembali kembang kenal kenari kepala kepiting kera keras kereta kering kerja kertas
ketika kesatu lebar lebih leher lelah lemah lemari lembar lempar lengan lengkap lepas letak lewat megah meja melati
melihat memang memasak membaca membeli memilih menang menari mendengar menulis merah merdeka merpati mesin mewah negara
negeri nelayan nenek netral pecah pedang pegang pekan pelangi pelari pelita pelosok peluru pemuda pendek penting penuh
penyu perahu perak peran percaya pergi perlu permata pernah perut pesan pesawat petani remaja rendah rendang resah resmi
sebab sebelas sebentar sedang sedap sedih segar segera sehat sejarah sejuk sekali sekarang sekolah selalu selamat selesai
semangat semua semut sendiri sendok senja senyum sepatu sepeda seribu sering setia teduh tegak teh telepon telinga teman
tembok tempat tenang tengah tentara tepat terang terbang teriak terima ternak tetap tetes wenang
""".split()
LETTERS = dict(a=2, n=3, i=6, r=7, k=8, s=9, t=10, g=11, m=12, u=13, l=14, p=15, o=16, d=17, b=18, h=19, y=20, j=21,
               c=22, w=23, e=29)


def samples_of(path):
    """The sound of a file, mono, at the model's rate."""
    with wave.open(str(path)) as file:
        rate = file.getframerate()
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
    sound = sound.astype(np.float64).mean(axis=1) / 32768
    if rate == 2 * RATE:
        sound = sound[: len(sound) // 2 * 2].reshape(-1, 2).mean(axis=1)
        rate = RATE
    places = np.arange(0, len(sound) - 1, rate / RATE)
    return np.interp(places, np.arange(len(sound)), sound).astype(np.float32)


def windows(sound, hop=WINDOW // 2):
    return [sound[at : at + WINDOW] for at in range(0, len(sound) - WINDOW + 1, hop)]


def main():
    datasets, folder = map(pathlib.Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    speech = windows(samples_of(datasets / "speech/silero_test_16k_60s.wav"))
    singing = windows(samples_of(datasets / "speech/vocadito_10_44k.wav"))
    # In turns, so that the first half and the second are of one kind.
    sound = sorted(range(len(speech) + len(singing)), key=lambda i: (i * 7919) % 101)
    np.save(folder / "sound.npy", np.stack([(speech + singing)[i] for i in sound])[:, :, None])
    words = sorted(set(WORDS), key=lambda word: (sum(map(ord, word)) * 7919 % 1009, word))
    rows = np.zeros((len(words), 32), np.int64)
    for row, word in zip(rows, words):
        row[: len(word)] = [LETTERS[letter] for letter in word]
    np.save(folder / "words.npy", rows)
    print(f"{len(sound)} windows of sound, {len(words)} words")


if __name__ == "__main__":
    main()
