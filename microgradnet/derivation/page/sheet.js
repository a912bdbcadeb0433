'use strict';
const parts = [...document.querySelectorAll('[data-part]')];
const light = names => parts.forEach(part => part.classList.toggle('lit', names.includes(part.dataset.part)));
for (const line of document.querySelectorAll('math[data-lights]')) {
  const names = line.dataset.lights.split(' ');
  for (const begins of ['pointerenter', 'focus']) line.addEventListener(begins, () => light(names));
  for (const ends of ['pointerleave', 'blur']) line.addEventListener(ends, () => light([]));
}
for (const symbol of document.querySelectorAll('.turns')) symbol.addEventListener('click', () => symbol.classList.toggle('turned'));
document.getElementById('flip')?.addEventListener('change', event => document.body.classList.toggle('numbers', event.target.checked));
const number = text => {
  const [above, below, ...rest] = text.trim().replace(',', '.').replace('−', '-').split('/');
  if (rest.length || !above.trim() || below === '') return NaN;
  return Number(above) / (below === undefined ? 1 : Number(below));
};
for (const blank of document.querySelectorAll('input.blank')) {
  blank.addEventListener('input', () => {
    const told = number(blank.value), right = Math.abs(told - Number(blank.dataset.answer)) <= Number(blank.dataset.within);
    blank.classList.toggle('right', right);
    blank.classList.toggle('wrong', blank.value.trim() !== '' && !right);
  });
}
